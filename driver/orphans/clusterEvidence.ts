import {
  connect,
  hostsOf,
  readEtcd,
  realClock,
  TalosError,
  type ClusterAccess,
  type EtcdView,
  type KubernetesNode,
  type KubeObject,
  type LinstorNode,
  type LinstorResource,
  type Session,
} from '@prox-ops/operations';
import { ask } from './evidence';

/** Names that lead to addresses (external-dns). */
export interface DnsEndpoint extends KubeObject {
  spec?: { endpoints?: { dnsName?: string; recordType?: string; targets?: string[] }[] };
}

/** Behind a Service's name. */
export interface EndpointSlice extends KubeObject {
  endpoints?: { addresses?: string[] }[];
}

/** What the cluster itself still knows. A source that did not answer is absent, and named in `unknown`. */
export interface ClusterEvidence {
  nodes?: KubernetesNode[];
  satellites?: LinstorNode[];
  resources?: LinstorResource[];
  etcd?: EtcdView;
  /** Ids of etcd members that answer at an address of theirs, or whose address cannot be asked. */
  answering: Map<string, string>;
  dnsEndpoints: DnsEndpoint[];
  endpointSlices: EndpointSlice[];
  unknown: string[];
}

/** Asks Kubernetes, LINSTOR and etcd. Reads only; never throws. */
export async function gatherCluster(access: ClusterAccess): Promise<ClusterEvidence> {
  const found: ClusterEvidence = { answering: new Map(), dnsEndpoints: [], endpointSlices: [], unknown: [] };
  // A cluster that is gone for good is not waited for.
  const session = await ask(found, 'the cluster', () => connect(access, realClock, { patient: false }));
  if (!session) return found;
  await Promise.all([
    ask(found, 'Kubernetes', () => gatherKubernetes(found, session)),
    ask(found, 'LINSTOR', () => gatherLinstor(found, session)),
    ask(found, 'etcd', () => gatherEtcd(found, session, access.controlPlanes)),
  ]);
  return found;
}

async function gatherKubernetes(found: ClusterEvidence, { kubernetes }: Session): Promise<void> {
  found.nodes = (await kubernetes.list<KubernetesNode>('/api/v1/nodes')) ?? [];
  found.endpointSlices = (await kubernetes.list<EndpointSlice>('/apis/discovery.k8s.io/v1/endpointslices')) ?? [];
  found.dnsEndpoints = (await kubernetes.list<DnsEndpoint>('/apis/externaldns.k8s.io/v1alpha1/dnsendpoints')) ?? [];
}

async function gatherLinstor(found: ClusterEvidence, { linstor }: Session): Promise<void> {
  if (!linstor) return;
  const [nodes, resources] = await Promise.all([linstor.nodes(), linstor.resources()]);
  // A controller runs on any node under a name of its own.
  found.satellites = nodes.filter(({ type }) => type.toUpperCase() === 'SATELLITE');
  found.resources = resources;
}

async function gatherEtcd(found: ClusterEvidence, { talos }: Session, controlPlanes: string[]): Promise<void> {
  const view = await readEtcd(talos, controlPlanes);
  for (const { id } of view.members.filter((member) => view.live.has(member.id))) found.answering.set(id, 'it answers');
  const silent = view.members.filter(({ id }) => !view.live.has(id));
  for (const member of silent) {
    for (const address of hostsOf(member)) {
      const answer = await answerAt(talos, address, member.id);
      if (answer !== undefined) found.answering.set(member.id, answer);
    }
  }
  found.etcd = view;
}

/** Its address may be another machine's by now: what counts is whether this very member answers. */
async function answerAt(talos: Session['talos'], address: string, id: string): Promise<string | undefined> {
  try {
    return (await talos.etcdStatus(address)).id === id ? `it answers at ${address}` : undefined;
  } catch (error) {
    if (!(error instanceof TalosError)) throw error;
    const { trouble, message } = error;
    return trouble === 'unreachable' || trouble === 'foreign'
      ? undefined
      : `a machine answers at ${address}: ${message}`;
  }
}
