import {
  assertQuorumWithout,
  holds,
  hostsOf,
  isDiskful,
  lastCopies,
  sameName,
  type EtcdMember,
  type EtcdView,
  type KubernetesNode,
  type LinstorNode,
} from '@prox-ops/operations';
import type { ClusterEvidence } from './clusterEvidence';
import type { Evidence } from './evidence';
import type { Leftover, Machine, Target, Verdict } from './leftover';
import type { Own } from './own';

/** Everything that a member of the cluster is judged by. */
export interface MemberEvidence {
  proxmox: Evidence;
  cluster: ClusterEvidence;
  own: Own;
  /** Nodes that earlier runs of this stack had, each with the run. */
  history: Map<string, string>;
}

/**
 * Members of the cluster that no stack file names. Pure. One without a machine on any host is an orphan only where it is
 * provably one of ours and provably dead; of every other one it is told what stands against it.
 */
export function judgeMembers(evidence: MemberEvidence): Leftover[] {
  return [...judgeNodes(evidence), ...judgeSatellites(evidence), ...judgeEtcd(evidence)];
}

function judgeNodes(evidence: MemberEvidence): Leftover[] {
  const { cluster, own } = evidence;
  return (cluster.nodes ?? [])
    .filter(({ metadata }) => !own.nodes.has(metadata.name))
    .map((node) => {
      const machine = machineOf(node);
      const { creationTimestamp } = node.metadata;
      const judged = judgeOne(
        evidence,
        machine,
        node,
        holds(node, 'Ready') ? 'its kubelet reports it Ready' : undefined,
      );
      return leftover('Kubernetes node', machine, judged, {
        remedy: `kubectl delete node ${machine.name}`,
        proof: `not Ready (${conditionOf(node)})`,
        target: { kind: 'node', what: 'Kubernetes node', machine },
        ...(creationTimestamp !== undefined && { created: Date.parse(creationTimestamp) / 1000 }),
      });
    });
}

function judgeSatellites(evidence: MemberEvidence): Leftover[] {
  const { cluster, own } = evidence;
  const { satellites = [], resources = [] } = cluster;
  return satellites
    .filter(({ name }) => ![...own.nodes].some((node) => sameName(node, name)))
    .map((satellite) => {
      const node = cluster.nodes?.find(({ metadata }) => sameName(metadata.name, satellite.name));
      const machine = node ? machineOf(node) : satelliteMachine(satellite);
      const held = resources.filter((one) => sameName(one.node_name, satellite.name) && isDiskful(one));
      const last = lastCopies(satellites, resources, satellite.name);
      const alive = satellite.connection_status === 'OFFLINE' ? undefined : `it is ${satellite.connection_status}`;
      const barrier = last.length === 0 ? undefined : `it holds the last UpToDate copy of ${last.join(', ')}`;
      const copies = `${held.length} replica(s), each with another UpToDate copy`;
      return leftover('LINSTOR node', machine, judgeOne(evidence, machine, node, alive, barrier), {
        remedy:
          barrier === undefined
            ? `linstor node lost ${machine.name}, which destroys what it alone holds`
            : `bring its machine back, or restore these from a backup; only then linstor node lost ${machine.name}`,
        proof: `OFFLINE; ${held.length === 0 ? 'no replica on it' : copies}`,
        target: { kind: 'node', what: 'LINSTOR node', machine },
      });
    });
}

function judgeEtcd(evidence: MemberEvidence): Leftover[] {
  const { cluster, own } = evidence;
  const { etcd } = cluster;
  if (!etcd) return [];
  return etcd.members
    .filter(({ hostname }) => !own.nodes.has(hostname))
    .map((member) => {
      const name = member.hostname || member.id;
      const node = cluster.nodes?.find(({ metadata }) => metadata.name === name);
      const machine = node ? machineOf(node) : { name, uuid: '', address: hostsOf(member)[0] ?? '' };
      const barrier = quorumBarrier(etcd, member);
      // Nobody joins a cluster's etcd but a machine with its own authority: a member is always one of ours.
      const judged = judgeOne(evidence, machine, undefined, cluster.answering.get(member.id), barrier, true);
      return leftover('etcd member', machine, judged, {
        remedy: `talosctl etcd remove-member ${member.id}, once the others have a quorum without it`,
        proof: `silent at ${hostsOf(member).join(', ')}; the others have a quorum without it`,
        target: { kind: 'node', what: 'etcd member', id: member.id, machine },
      });
    });
}

function quorumBarrier(etcd: EtcdView, member: EtcdMember): string | undefined {
  try {
    assertQuorumWithout(etcd, member);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Judged {
  verdict: Verdict;
  evidence: string;
  /** In place of the kind's own. */
  remedy?: string;
}

/**
 * @param node the Kubernetes node of that name, which tells whose machine it was.
 * @param alive what shows that it still lives.
 * @param barrier what would be lost with it.
 * @param ours that it can be nobody else's.
 */
function judgeOne(
  { proxmox, own, history }: MemberEvidence,
  machine: Machine,
  node: KubernetesNode | undefined,
  alive: string | undefined,
  barrier?: string,
  ours = false,
): Judged {
  const { name, uuid } = machine;
  const standing = proxmox.machines.find((guest) => guest.name === name || (uuid !== '' && guest.uuid === uuid));
  const absent = 'not in the stack file';
  const lives = 'none while it lives: take it out where it is managed, or prox-ops adopt';
  if (standing) {
    const evidence = `${absent}; its machine is guest ${standing.vmId} on ${standing.host}`;
    return { verdict: 'foreign', evidence, remedy: lives };
  }
  if (own.nodesInState.has(name))
    return {
      verdict: 'stale',
      evidence: `${absent}; the state still has it`,
      remedy: 'prox-ops up, which takes it out',
    };
  if (proxmox.unknown.length > 0) return { verdict: 'unknown', evidence: proxmox.unknown.join('; ') };
  const gone = `${absent}, no guest of that name${uuid === '' ? '' : ` or UUID ${uuid}`} on any host`;
  if (alive !== undefined) return { verdict: 'foreign', evidence: `${gone}, and yet ${alive}`, remedy: lives };
  const proof = ours ? 'of this cluster' : proofOf(name, node, own, history);
  if (proof === undefined)
    return { verdict: 'stale', evidence: `${gone}; nothing proves that this stack made its machine` };
  if (barrier !== undefined) return { verdict: 'stale', evidence: `${gone}; ${barrier}` };
  return { verdict: 'orphan', evidence: `${gone}; ${proof}` };
}

/**
 * A Kubernetes node tells its machine's UUID, and ours are made from the names of cluster and node: another one proves the
 * contrary. Where there is no such node any more, an earlier run that had it is proof.
 */
function proofOf(name: string, node: KubernetesNode | undefined, own: Own, history: MemberEvidence['history']) {
  const uuid = node?.status?.nodeInfo?.systemUUID.toLowerCase();
  if (uuid !== undefined)
    return uuid === own.uuidOf(name) ? `its UUID is the one that this stack gave ${name}` : undefined;
  const run = history.get(name);
  return run === undefined ? undefined : `run ${run} of this stack had it`;
}

function machineOf({ metadata, status }: KubernetesNode): Machine {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  return { name: metadata.name, uuid: status?.nodeInfo?.systemUUID.toLowerCase() ?? '', address };
}

function satelliteMachine({ name, net_interfaces: interfaces = [] }: LinstorNode): Machine {
  return { name: name.toLowerCase(), uuid: '', address: interfaces[0]?.address ?? '' };
}

function conditionOf({ status }: KubernetesNode): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined ? 'no condition' : `Ready is ${ready.status}`;
}

function leftover(
  kind: Leftover['kind'],
  { name, address }: Machine,
  { verdict, evidence, remedy: own }: Judged,
  { proof, remedy, target, created }: { proof: string; remedy: string; target: Target; created?: number },
): Leftover {
  return {
    kind,
    name,
    where: address,
    verdict,
    evidence: verdict === 'orphan' ? `${evidence}; ${proof}` : evidence,
    ...(created !== undefined && { created }),
    ...(verdict === 'orphan' ? { target } : { remedy: own ?? remedy }),
  };
}
