import { fullName, holds, type Conditioned } from '../clients/kubernetesObjects.js';
import { KubernetesError, KubernetesUnreachable, type Kubernetes } from '../clients/kubernetes.js';
import type { Clock } from '../contract.js';
import { until, type Look, type Watcher } from '../runtime/waiting.js';
import { skipped, verdict, type Check } from './check.js';

const KUSTOMIZE = 'kustomize.toolkit.fluxcd.io/v1';
const HELM = 'helm.toolkit.fluxcd.io/v2';
const SOURCE = 'source.toolkit.fluxcd.io/v1';

/** What brings workloads, in the order of their dependence. */
const WORKLOADS = [
  { kind: 'Kustomization', path: `/apis/${KUSTOMIZE}/kustomizations` },
  { kind: 'HelmRelease', path: `/apis/${HELM}/helmreleases` },
] as const;

/** Where workloads come from. */
const SOURCES = [
  { kind: 'GitRepository', path: `/apis/${SOURCE}/gitrepositories` },
  { kind: 'OCIRepository', path: `/apis/${SOURCE}/ocirepositories` },
  { kind: 'HelmRepository', path: `/apis/${SOURCE}/helmrepositories` },
  { kind: 'Bucket', path: `/apis/${SOURCE}/buckets` },
] as const;

type Kind = (typeof WORKLOADS | typeof SOURCES)[number];

/** A Kustomization, a HelmRelease or a source, as Flux tells of it. */
export interface FluxObject {
  kind: string;
  /** namespace/name */
  name: string;
  ready: boolean;
  /** Not reconciled, at somebody's wish. */
  suspended: boolean;
  /** Of its condition Ready: what it waits for, while it is not. */
  message: string;
}

/** Kustomizations and HelmReleases. */
export async function fluxObjects(kubernetes: Kubernetes): Promise<FluxObject[]> {
  return (await Promise.all(WORKLOADS.map((kind) => objectsOf(kubernetes, kind)))).flatMap((objects) => objects ?? []);
}

/** @returns undefined when there is no such kind in the cluster. */
async function objectsOf(kubernetes: Kubernetes, { kind, path }: Kind): Promise<FluxObject[] | undefined> {
  const objects = await kubernetes.list<Conditioned>(path);
  return objects?.map((object) => ({
    kind,
    name: fullName(object),
    ready: holds(object, 'Ready') || isStatic(kind, object),
    suspended: object.spec?.suspend === true,
    message: reason(object),
  }));
}

/** A HelmRepository of type oci is no more than an address: Flux writes no status for it. */
function isStatic(kind: string, { spec }: Conditioned & { spec?: { type?: string } }): boolean {
  return kind === 'HelmRepository' && spec?.type === 'oci';
}

/** Longest time between two looks, in milliseconds, and until a kind that was not served is looked for again. */
const LOOK_EVERY = 15_000;

/**
 * Follows Flux: sources, Kustomizations and HelmReleases, told at first and whenever any of them has changed. Ends with the
 * signal alone. An API that is away for a while is told as nothing.
 */
export async function followFlux(
  kubernetes: Kubernetes,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
  tell: (objects: FluxObject[]) => void,
): Promise<void> {
  const served = new Set<string>();
  const kinds = [...SOURCES, ...WORKLOADS];
  const watcher =
    ({ path }: Kind): Watcher =>
    (onChange, stop) =>
      // A watch of what is not served ends at once, and would be opened again at once.
      served.has(path) ? kubernetes.watch(path, {}, onChange, stop) : clock.delay(LOOK_EVERY, stop);
  let told = '';
  const look = async (): Promise<Look<never>> => {
    const lists = await Promise.all(kinds.map((kind) => objectsOf(kubernetes, kind)));
    kinds.forEach(({ path }, index) => (lists[index] ? served.add(path) : served.delete(path)));
    const objects = lists.flatMap((objects) => objects ?? []);
    const text = JSON.stringify(objects);
    if (text !== told) tell(objects);
    told = text;
    return { waiting: '' };
  };
  const patient = (error: unknown): Look<never> => {
    if (error instanceof KubernetesError || error instanceof KubernetesUnreachable) return { waiting: '' };
    throw error;
  };
  await until<void>({
    ...{ clock, signal, timeout: Infinity, every: LOOK_EVERY },
    look: () => look().catch(patient),
    watch: kinds.map(watcher),
  }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

export const fluxCheck: Check = {
  id: 'flux',
  describe: 'every Flux Kustomization and HelmRelease is Ready',
  how: 'Kubernetes: condition Ready of every Kustomization and HelmRelease',
  excusable: true,
  run: async ({ session }) => {
    const served = await fluxObjects(session.kubernetes);
    if (served.length === 0) return skipped('no Flux objects');
    const problems = served
      .filter(({ ready, suspended }) => !ready && !suspended)
      .map(({ kind, name, message }) => ({ key: `${kind} ${name}`, text: `${kind} ${name}: ${message}` }));
    return verdict(problems, 'all Flux objects Ready', `${served.length} Flux objects`);
  },
};

function reason({ status }: Conditioned): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.message ?? ready?.reason ?? 'no Ready condition';
}
