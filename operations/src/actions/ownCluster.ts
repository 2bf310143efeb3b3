import type { Node } from '../clients/kubernetesObjects.js';
import { IDENTITY_VARIABLE } from '../clients/identity.js';
import type { Session } from '../clients/session.js';
import type { ClusterAccess } from '../contract.js';
import { Stop } from '../runtime/errors.js';
import type { Step } from '../step.js';

/** Sessions whose Kubernetes API was seen to be the cluster's. */
const known = new WeakSet<Session>();

/**
 * A kubeconfig from the environment may lead to another cluster: there this one's nodes are missing, which would pass for
 * 'nothing to drain', or namesakes would be drained. So before the first write one control plane at least must be at an
 * address of ours, and the step's own node on its planned machine. @throws Stop.
 */
export async function assertOwnCluster(step: Step): Promise<void> {
  const { session, node, inputs } = step;
  if (session.givenIdentity !== true || known.has(session)) return;
  const nodes = await ownNodes(session, inputs.access);
  const uuid = nodes.find(({ metadata }) => metadata.name === node.name)?.status?.nodeInfo?.systemUUID?.toLowerCase();
  if (uuid && uuid !== node.uuid.toLowerCase())
    throw wrong(`node ${node.name} on the machine ${node.uuid}`, `it runs on ${uuid}`);
  known.add(session);
}

/** All nodes of the API. @throws Stop when a given identity leads to one without a control plane of ours. */
export async function ownNodes(session: Session, { controlPlanes }: ClusterAccess): Promise<Node[]> {
  const nodes = (await session.kubernetes.list<Node>('/api/v1/nodes')) ?? [];
  if (session.givenIdentity !== true) return nodes;
  const addresses = nodes.flatMap(internalAddresses);
  if (addresses.some((address) => controlPlanes.includes(address))) return nodes;
  const found = addresses.length === 0 ? 'no node' : `nodes at ${addresses.slice(0, 3).join(', ')}`;
  throw wrong(`a control plane at ${controlPlanes.join(' or ')}`, found);
}

function internalAddresses({ status }: Node): string[] {
  return (status?.addresses ?? []).flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []));
}

function wrong(expected: string, found: string): Stop {
  return new Stop(
    `the cluster that ${IDENTITY_VARIABLE} leads to to have ${expected}`,
    found,
    'the same command again, with the kubeconfig of this cluster or without the variable',
  );
}
