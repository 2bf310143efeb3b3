import { resume, turnsTaken } from './bystanders.js';
import { LEASE_SECONDS, fromLease, toLease } from './actions/turnRecord.js';
import { CORDONED_BY, cordonedByUs } from './checks/cordonMark.js';
import type { Kubernetes } from './clients/kubernetes.js';
import type { KubeObject, Lease, Node } from './clients/kubernetesObjects.js';
import { LEASE_NAME } from './clients/permissions.js';
import type { SnapshotContents } from './snapshots/contents.js';

/**
 * What comes back with an etcd snapshot beside what people want back: the state of a rollout that was under way when it was
 * taken, and nodes that are no more. A snapshot is often taken in the middle of a rollout, right before a member leaves.
 */

export interface Expected {
  /** Names of the nodes that the cluster is to have. */
  nodes: string[];
  /** Namespace of the rollout lease. */
  leaseNamespace: string;
}

export interface Leftovers {
  /** What was put right, in words. */
  settled: string[];
  /** What somebody has to decide about, in words. */
  open: string[];
}

/**
 * Takes away what a rollout of before left: its lease, its cordons, its marks. No such run can live: the cluster that it
 * was about was gone. To be called before the first node joins, as a lease that is open for one node keeps all others out.
 */
export async function settleRestored(kubernetes: Kubernetes, expected: Expected): Promise<Leftovers> {
  const settled = [
    ...(await freeLease(kubernetes, expected.leaseNamespace)),
    ...(await uncordonOurs(kubernetes)),
    ...(await resume(kubernetes)).map((name) => `Kustomization ${name}: resumed, a rollout had suspended it`),
    ...(await turnsTaken(kubernetes)).map((name) => `${name}: open to drivers again`),
  ];
  return { settled, open: await strangers(kubernetes, expected.nodes) };
}

async function freeLease(kubernetes: Kubernetes, namespace: string): Promise<string[]> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${LEASE_NAME}` as const;
  const lease = await kubernetes.get<Lease>(path);
  const record = lease && fromLease(lease);
  if (!record || (record.holder === '' && record.open === undefined)) return [];
  const { holder, run, open, transitions, resourceVersion } = record;
  const free = { holder: '', run: '', renewedAt: 0, acquiredAt: 0, seconds: LEASE_SECONDS, transitions };
  await kubernetes.replace(path, toLease({ ...free, ...(resourceVersion && { resourceVersion }) }, namespace, lease));
  const of = open === undefined ? '' : ` for ${open.node}`;
  const flagged = open?.evacuated === true ? `; LINSTOR may still evacuate ${open.node}` : '';
  return [`the rollout lease${of}, held by ${holder || 'nobody'} (run ${run || 'unknown'}): given back${flagged}`];
}

async function uncordonOurs(kubernetes: Kubernetes): Promise<string[]> {
  const nodes = (await kubernetes.list<Node>('/api/v1/nodes')) ?? [];
  const ours = nodes.filter(cordonedByUs).map(({ metadata }) => metadata.name);
  const patch = { metadata: { annotations: { [CORDONED_BY]: null } }, spec: { unschedulable: null } };
  for (const name of ours) await kubernetes.patch(`/api/v1/nodes/${name}`, patch);
  return ours.map((name) => `${name}: uncordoned, a rollout had cordoned it`);
}

/** Whose they are is not known: a node may be there that the stack does not make. */
async function strangers(kubernetes: Kubernetes, expected: string[]): Promise<string[]> {
  const nodes = (await kubernetes.list<Node>('/api/v1/nodes')) ?? [];
  return nodes.flatMap(({ metadata: { name }, spec }) => {
    if (!expected.includes(name))
      return [
        `node ${name} is in the snapshot and not in the stack file; once it is no more: kubectl delete node ${name}`,
      ];
    return spec?.unschedulable === true ? [`${name} was cordoned by somebody else: it stays so`] : [];
  });
}

/** What of the snapshot is not in the cluster; none: etcd holds what the snapshot held. */
export async function missingOfSnapshot(
  kubernetes: Kubernetes,
  { uid, namespaces }: Pick<SnapshotContents, 'uid' | 'namespaces'>,
): Promise<string[]> {
  const found = (await kubernetes.list<KubeObject>('/api/v1/namespaces')) ?? [];
  const names = found.map(({ metadata }) => metadata.name);
  const own = found.find(({ metadata }) => metadata.name === 'kube-system')?.metadata.uid;
  return [
    ...(uid !== undefined && own !== uid ? [`kube-system with the UID ${uid} (found ${own ?? 'none'})`] : []),
    ...namespaces.filter((name) => !names.includes(name)).map((name) => `namespace ${name}`),
  ];
}
