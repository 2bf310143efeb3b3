import { readEtcd, type EtcdView } from '../checks/etcdView.js';
import { readView, type LinstorView } from '../checks/linstorPlacement.js';
import type { HealthReport } from '../checks/runner.js';
import { fromLease, type TurnRecord } from '../actions/turnRecord.js';
import { LEASE_NAME } from '../clients/permissions.js';
import type { KubeObject, Lease } from '../clients/kubernetesObjects.js';
import type { ProxmoxSite } from '../clients/proxmoxSite.js';
import type { Session } from '../clients/session.js';
import type { Settings } from '../contract.js';
import { messageOf } from '../runtime/errors.js';
import type { Budget, Claim, CsiNode, SchedulableNode, SchedulablePod, StorageClass, Volume } from './objects.js';
import { countRemovedKinds, type RemovedKinds } from './removed.js';
import type { SceneObjects } from './scheduler/scene.js';

/** What was read of one system, or why it could not be. */
export type Read<T> = { value: T } | { trouble: string };

export interface KubernetesState extends SceneObjects {
  budgets: Budget[];
  removedKinds: RemovedKinds;
  lease?: TurnRecord;
}

/** One look at everything, the same for all nodes: what a plan costs does not grow with their number. */
export interface Snapshot {
  /** Milliseconds since the epoch. */
  at: number;
  kubernetes: Read<KubernetesState>;
  etcd: Read<EtcdView>;
  proxmox: Read<ProxmoxSite>;
  /** Absent: the cluster has no LINSTOR, or its guard is off. */
  linstor?: Read<LinstorView>;
  /** What is wrong already, by the health checks that each turn begins with; absent where nobody looked. */
  health?: HealthReport;
}

/** Sends reads alone. Never throws: what does not answer is a finding. */
export async function takeSnapshot(
  session: Session,
  settings: Pick<Settings, 'leaseNamespace' | 'linstorGuardEnabled'>,
  controlPlanes: string[],
  now: number,
): Promise<Snapshot> {
  const { linstor } = session;
  const [kubernetes, etcd, proxmox, storage] = await Promise.all([
    read(() => readKubernetes(session, settings.leaseNamespace)),
    read(() => readEtcd(session.talos, controlPlanes)),
    read(() => session.proxmox.site()),
    linstor && settings.linstorGuardEnabled ? read(() => readView(linstor)) : undefined,
  ]);
  return { at: now, kubernetes, etcd, proxmox, ...(storage && { linstor: storage }) };
}

async function read<T>(ask: () => Promise<T>): Promise<Read<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    return { trouble: messageOf(error) };
  }
}

async function readKubernetes({ kubernetes }: Session, leaseNamespace: string): Promise<KubernetesState> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${leaseNamespace}/leases/${LEASE_NAME}` as const;
  const [nodes, pods, namespaces, claims, volumes, classes, csiNodes, budgets, removedKinds, lease] = await Promise.all(
    [
      kubernetes.list<SchedulableNode>('/api/v1/nodes'),
      kubernetes.list<SchedulablePod>('/api/v1/pods'),
      kubernetes.list<KubeObject>('/api/v1/namespaces'),
      kubernetes.list<Claim>('/api/v1/persistentvolumeclaims'),
      kubernetes.list<Volume>('/api/v1/persistentvolumes'),
      kubernetes.list<StorageClass>('/apis/storage.k8s.io/v1/storageclasses'),
      kubernetes.list<CsiNode>('/apis/storage.k8s.io/v1/csinodes'),
      kubernetes.list<Budget>('/apis/policy/v1/poddisruptionbudgets'),
      countRemovedKinds(kubernetes),
      kubernetes.get<Lease>(path),
    ],
  );
  return {
    nodes: nodes ?? [],
    pods: pods ?? [],
    namespaces: namespaces ?? [],
    claims: claims ?? [],
    volumes: volumes ?? [],
    classes: classes ?? [],
    csiNodes: csiNodes ?? [],
    budgets: budgets ?? [],
    removedKinds,
    ...(lease && { lease: fromLease(lease) }),
  };
}
