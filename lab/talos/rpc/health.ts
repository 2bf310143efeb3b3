import type { Guest } from '../guest.js';
import { next } from '../waiting.js';
import type { Methods } from './call.js';
import { RpcError } from './status.js';

interface HealthRequest {
  wait_timeout: { seconds: string } | null;
  cluster_info: { control_plane_nodes: string[]; worker_nodes: string[] } | null;
}

interface Cluster {
  controlPlanes: string[];
  nodes: string[];
}

const DEADLINE_EXCEEDED = 4;

/** Talos' own checks in its order, as far as the lab has what they look at. Each returns what is wrong, or ''. */
const CHECKS: [description: string, problem: (guest: Guest, cluster: Cluster) => string][] = [
  ['etcd to be healthy', (guest, { controlPlanes }) => first(guest, controlPlanes, etcdProblem)],
  ['etcd members to be consistent across nodes', (guest, { controlPlanes }) => memberProblem(guest, controlPlanes)],
  ['apid to be ready', (guest, { nodes }) => first(guest, nodes, ({ boot }) => (boot ? '' : 'connection refused'))],
  ['kubelet to be healthy', (guest, { nodes }) => first(guest, nodes, kubeletProblem)],
  ['all nodes to finish boot sequence', (guest, { nodes }) => first(guest, nodes, stageProblem)],
  ['all k8s nodes to report ready', (guest, { nodes }) => first(guest, nodes, nodeProblem)],
];

/** The health check that runs on a control plane: waits for each condition in turn. */
export const healthMethods: Methods = {
  unary: {},
  streaming: {
    '/cluster.ClusterService/HealthCheck': async (guest, request: HealthRequest, send, { signal }) => {
      const cluster = clusterOf(guest, request);
      const patience = AbortSignal.timeout(Number(request.wait_timeout?.seconds ?? 0) * 1000);
      for (const [description, problem] of CHECKS) {
        let told: string | undefined;
        for (let found = problem(guest, cluster); found !== ''; found = problem(guest, cluster)) {
          if (found !== told) await send({ message: `waiting for ${description}: ${(told = found)}` });
          await next((listener) => guest.boot!.fleet.onChange(listener), AbortSignal.any([signal, patience])).catch(
            (error: unknown) => {
              throw patience.aborted ? new RpcError(DEADLINE_EXCEEDED, 'context deadline exceeded') : error;
            },
          );
        }
        await send({ message: `waiting for ${description}: OK` });
      }
    },
  },
};

/** The nodes named, or the whole cluster as discovery knows it. */
function clusterOf(guest: Guest, { cluster_info: info }: HealthRequest): Cluster {
  const named = [...(info?.control_plane_nodes ?? []), ...(info?.worker_nodes ?? [])];
  if (named.length > 0) return { controlPlanes: info?.control_plane_nodes ?? [], nodes: named };
  const id = guest.boot!.configuration?.clusterId;
  const members = guest.boot!.fleet.guests().filter(({ boot }) => boot?.up && boot.configuration?.clusterId === id);
  const controlPlanes = members.filter(({ boot }) => boot!.configuration!.role === 'controlplane');
  return { controlPlanes: controlPlanes.map(({ address }) => address), nodes: members.map(({ address }) => address) };
}

function first(guest: Guest, addresses: string[], problem: (guest: Guest) => string): string {
  for (const address of addresses) {
    const found = guest.boot!.fleet.guests().find((candidate) => candidate.address === address);
    const wrong = found ? problem(found) : 'connection refused';
    if (wrong !== '') return `${address}: ${wrong}`;
  }
  return '';
}

function etcdProblem({ boot }: Guest): string {
  return boot?.etcd?.healthy ? '' : `service is not healthy: etcd`;
}

function memberProblem(guest: Guest, controlPlanes: string[]): string {
  const members = guest.boot!.etcd?.cluster?.voters().length ?? 0;
  return members === controlPlanes.length ? '' : `expected ${controlPlanes.length} members, got ${members}`;
}

function kubeletProblem({ boot }: Guest): string {
  return boot?.services.get('kubelet')?.state === 'Running' ? '' : 'service is not healthy: kubelet';
}

function stageProblem({ boot }: Guest): string {
  return boot?.stage === 'running' ? '' : `expected running stage, got ${boot?.stage ?? 'unknown'}`;
}

function nodeProblem({ boot, node }: Guest): string {
  return boot?.fleet.kubernetes.nodeReady(node) ? '' : `some nodes are not ready: [${node}]`;
}
