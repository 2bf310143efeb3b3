import type { Kubernetes } from './clients/kubernetes.js';
import { KubernetesError } from './clients/kubernetes.js';
import { fullName, type KubeObject, type Node } from './clients/kubernetesObjects.js';
import { TOLD_NAMESPACE } from './clients/permissions.js';

/**
 * What stands beside a rollout in the cluster: Flux, which is held still; whoever waits for it to end; and the pod from
 * which it is driven. What is done to them is written at the object itself, where the next run finds it after a crash.
 */

export interface KustomizationName {
  namespace: string;
  name: string;
}

/** Annotation of a Kustomization that a rollout suspended: the run's id. */
export const SUSPENDED_BY = 'prox-ops.io/suspended-by';
/** Label of the node whose own driver stopped before its turn: no driver is put onto it. The run's id. */
export const AWAITS_TURN = 'prox-ops.io/awaits-turn';
/** Condition of the driver's namespace. */
export const IN_PROGRESS = 'RolloutInProgress';

interface Kustomization extends KubeObject {
  spec?: { suspend?: boolean };
}

type Collection = '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations';
const ALL: Collection = '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations';

function pathOf({ namespace, name }: KustomizationName) {
  return `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${namespace}/kustomizations/${name}` as const;
}

export interface Suspended {
  /** Now, or by an earlier run of ours that did not come to its end. */
  ours: string[];
  /** By somebody else: they stay as they are, also afterwards. */
  others: string[];
}

/** Suspends Kustomizations. @throws Error naming those that there are not, before any is touched. */
export async function suspend(kubernetes: Kubernetes, names: KustomizationName[], run: string): Promise<Suspended> {
  const found = await Promise.all(names.map((name) => kubernetes.get<Kustomization>(pathOf(name))));
  const missing = names.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) {
    const list = missing.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
    throw new Error(`expected these Kustomizations to suspend, found none of the name: ${list}`);
  }
  const suspended: Suspended = { ours: [], others: [] };
  for (const object of found as Kustomization[]) {
    if (object.spec?.suspend === true && object.metadata.annotations?.[SUSPENDED_BY] === undefined) {
      suspended.others.push(fullName(object));
      continue;
    }
    const { name, namespace = '' } = object.metadata;
    // One write: whoever finds it suspended finds by whom.
    const annotations = { [SUSPENDED_BY]: run };
    await kubernetes.patch(pathOf({ name, namespace }), { metadata: { annotations }, spec: { suspend: true } });
    suspended.ours.push(fullName(object));
  }
  return suspended;
}

/** Resumes what a rollout suspended, this one or one that crashed. @returns their names. */
export async function resume(kubernetes: Kubernetes): Promise<string[]> {
  const all = (await kubernetes.list<Kustomization>(ALL)) ?? [];
  const ours = all.filter(({ metadata }) => metadata.annotations?.[SUSPENDED_BY] !== undefined);
  for (const { metadata } of ours) {
    const { name, namespace = '' } = metadata;
    const annotations = { [SUSPENDED_BY]: null };
    await kubernetes.patch(pathOf({ name, namespace }), { metadata: { annotations }, spec: { suspend: null } });
  }
  return ours.map(fullName);
}

export interface Telling {
  inProgress: boolean;
  /** CamelCase, for programs. */
  reason: string;
  message: string;
  /** Milliseconds since the epoch: when the rollout began, or ended. */
  since: number;
}

/** Tells whoever waits for the rollout. @returns false when there is nowhere to tell it: the namespace is not there. */
export async function tell(kubernetes: Kubernetes, { inProgress, since, ...why }: Telling): Promise<boolean> {
  const lastTransitionTime = new Date(since).toISOString().replace(/\.\d+Z$/, 'Z');
  const condition = { type: IN_PROGRESS, status: inProgress ? 'True' : 'False', lastTransitionTime, ...why };
  try {
    // The namespace controller writes conditions to a namespace that is being deleted alone: the list is ours.
    await kubernetes.patch(`/api/v1/namespaces/${TOLD_NAMESPACE}/status`, { status: { conditions: [condition] } });
    return true;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 404) return false;
    throw error;
  }
}

/** Keeps drivers off a node. @returns false when one was kept off it before, and is there all the same. */
export async function awaitTurn(kubernetes: Kubernetes, node: string, run: string): Promise<boolean> {
  const found = await kubernetes.get<Node>(`/api/v1/nodes/${node}`);
  if (found?.metadata.labels?.[AWAITS_TURN] !== undefined) return false;
  await kubernetes.patch(`/api/v1/nodes/${node}`, { metadata: { labels: { [AWAITS_TURN]: run } } });
  return true;
}

/** Nodes are open to drivers again. @returns their names. */
export async function turnsTaken(kubernetes: Kubernetes): Promise<string[]> {
  const all = (await kubernetes.list<Node>('/api/v1/nodes')) ?? [];
  const kept = all.filter(({ metadata }) => metadata.labels?.[AWAITS_TURN] !== undefined);
  for (const { metadata } of kept)
    await kubernetes.patch(`/api/v1/nodes/${metadata.name}`, { metadata: { labels: { [AWAITS_TURN]: null } } });
  return kept.map(({ metadata }) => metadata.name);
}
