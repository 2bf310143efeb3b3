import type { Kubernetes } from '../../clients/kubernetes.js';
import { holds, type EndpointSlice, type Node } from '../../clients/kubernetesObjects.js';

/** A pod to connect to. */
export interface Peer {
  address: string;
  port: number;
  node: string;
}

const SLICES = '/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices';
const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';

/** A CoreDNS pod on another node: every cluster has some, and they listen for TCP. */
export async function peerOf(kubernetes: Kubernetes, node: string): Promise<Peer | undefined> {
  const query = { labelSelector: 'kubernetes.io/service-name=kube-dns' };
  const slices = (await kubernetes.list<EndpointSlice>(SLICES, query)) ?? [];
  return slices.flatMap(peersIn).find((peer) => peer.node !== node);
}

function peersIn({ endpoints = [], ports = [] }: EndpointSlice): Peer[] {
  const tcp = ports.filter(({ protocol = 'TCP', port }) => protocol === 'TCP' && port !== undefined);
  const port = (tcp.find(({ name }) => name?.includes('dns')) ?? tcp[0])?.port;
  if (port === undefined) return [];
  return endpoints.flatMap(({ addresses, conditions, nodeName: node }) => {
    const [address] = addresses;
    if (node === undefined || address === undefined || conditions?.ready === false) return [];
    return [{ address, port, node }];
  });
}

/** Where a probe for nobody's turn runs: a worker that is in service, or any node where there is no such. */
export async function nodeInService(kubernetes: Kubernetes): Promise<string | undefined> {
  const nodes = ((await kubernetes.list<Node>('/api/v1/nodes')) ?? [])
    .filter((node) => holds(node, 'Ready') && node.spec?.unschedulable !== true)
    .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  const workers = nodes.filter(({ metadata }) => metadata.labels?.[CONTROL_PLANE] === undefined);
  return (workers[0] ?? nodes[0])?.metadata.name;
}
