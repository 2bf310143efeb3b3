import { LEASE_NAME } from './clients/permissions.js';
import { connect } from './clients/session.js';
import { holds, type Lease, type Node } from './clients/kubernetesObjects.js';
import { faults } from './checks/linstorRules.js';
import { fromLease, type TurnRecord } from './actions/turnRecord.js';
import type { ClusterAccess, Settings } from './contract.js';
import { realClock } from './runtime/clock.js';

/** A node as the cluster tells of it now. */
export interface NodeState {
  name: string;
  ready: boolean;
  schedulable: boolean;
  kubelet: string;
  /** v1.12.4; empty when the node does not say. */
  talos: string;
}

export interface ClusterState {
  /** The rollout lease; absent before the first rollout. */
  lease?: TurnRecord;
  nodes: NodeState[];
  /** What is faulty in LINSTOR; absent when the cluster has none. */
  faulty?: string[];
}

type NodeInfo = NonNullable<NonNullable<Node['status']>['nodeInfo']> & { osImage?: string };

/** Reads how the cluster stands. Changes nothing. @throws when the Kubernetes API or LINSTOR does not answer. */
export async function clusterState(
  access: ClusterAccess,
  settings: Pick<Settings, 'leaseNamespace'>,
): Promise<ClusterState> {
  const { kubernetes, linstor } = await connect(access, realClock);
  const path = `/apis/coordination.k8s.io/v1/namespaces/${settings.leaseNamespace}/leases/${LEASE_NAME}` as const;
  const [lease, nodes, resources] = await Promise.all([
    kubernetes.get<Lease>(path),
    kubernetes.list<Node>('/api/v1/nodes'),
    linstor?.resources(),
  ]);
  return {
    nodes: (nodes ?? []).map(nodeState),
    ...(lease && { lease: fromLease(lease) }),
    ...(resources && { faulty: faults(resources) }),
  };
}

function nodeState(node: Node): NodeState {
  const info = node.status?.nodeInfo as NodeInfo | undefined;
  return {
    name: node.metadata.name,
    ready: holds(node, 'Ready'),
    schedulable: node.spec?.unschedulable !== true,
    kubelet: info?.kubeletVersion ?? '',
    talos: /\((v[^)]+)\)/.exec(info?.osImage ?? '')?.[1] ?? '',
  };
}
