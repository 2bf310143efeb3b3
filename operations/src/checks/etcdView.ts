import type { Talos } from '../clients/talos.js';
import type { EtcdMember, EtcdStatus } from '../clients/talosOutput.js';
import { messageOf, Stop } from '../runtime/errors.js';

/** etcd as its live members see it. */
export interface EtcdView {
  members: EtcdMember[];
  /** Members that answer, by member id. */
  live: Map<string, { address: string; status: EtcdStatus }>;
  /** What asking the others led to, in words. */
  troubles: string[];
}

/** Asks every control plane. @throws Stop when none answers, or when their member lists differ. */
export async function readEtcd(talos: Talos, controlPlanes: string[]): Promise<EtcdView> {
  const asked = await Promise.all(
    controlPlanes.map(async (address) => {
      try {
        const [status, members] = await Promise.all([talos.etcdStatus(address), talos.etcdMembers(address)]);
        return { address, status, members };
      } catch (error) {
        return { address, trouble: messageOf(error) };
      }
    }),
  );
  const live: EtcdView['live'] = new Map();
  const lists: EtcdMember[][] = [];
  for (const { address, status, members } of asked) {
    if (!status || !members) continue;
    live.set(status.id, { address, status });
    lists.push(members);
  }
  const troubles = asked.flatMap(({ address, trouble }) => (trouble === undefined ? [] : [`${address}: ${trouble}`]));
  return { members: agreed(lists, troubles), live, troubles };
}

function agreed(lists: EtcdMember[][], troubles: string[]): EtcdMember[] {
  const [first] = lists;
  if (!first)
    throw new Stop('the etcd member list from a control plane', troubles.join('; ') || 'no control plane to ask');
  const ids = (members: EtcdMember[]): string =>
    members
      .map(({ id }) => id)
      .sort()
      .join(', ');
  const other = lists.find((list) => ids(list) !== ids(first));
  if (other) throw new Stop('control planes that agree on the etcd members', `${ids(first)} and ${ids(other)}`);
  return first;
}

export function voters({ members }: EtcdView): EtcdMember[] {
  return members.filter(({ learner }) => !learner);
}

/** A member that answers, has no error and sees a leader. */
export function isHealthy({ live }: EtcdView, member: EtcdMember): boolean {
  const status = live.get(member.id)?.status;
  return status !== undefined && status.errors === '' && /[1-9a-f]/.test(status.leader);
}

/**
 * The node's own member; undefined when it has none.
 * @throws Stop when a member has its name or its address but not both: it might be another machine's.
 */
export function memberOf({ members }: EtcdView, node: { name: string; address: string }): EtcdMember | undefined {
  const named = members.filter(({ hostname }) => hostname === node.name);
  const placed = members.filter((member) => hostsOf(member).includes(node.address));
  // A member that was added and never started has no name yet.
  const sure = placed.find((member) => member.hostname === node.name || member.hostname === '');
  if (sure && named.every((member) => member === sure)) return sure;
  if (named.length === 0 && placed.length === 0) return undefined;
  const found = [...new Set([...named, ...placed])].map(
    (member) => `${member.hostname || 'unnamed'} at ${member.peerUrls.join(',')}`,
  );
  throw new Stop(`one etcd member with the name ${node.name} and the address ${node.address}`, found.join('; '));
}

/** The member with that address, whatever its name. */
export function memberAt({ members }: EtcdView, address: string): EtcdMember | undefined {
  return members.find((member) => hostsOf(member).includes(address));
}

/** Addresses that the others reach it at. */
export function hostsOf(member: EtcdMember): string[] {
  return member.peerUrls.flatMap((url) => {
    try {
      return [new URL(url).hostname.replace(/^\[|\]$/g, '')];
    } catch {
      return [];
    }
  });
}

/** @throws Stop unless the other voters alone, counting those that live, have a quorum. */
export function assertQuorumWithout(view: EtcdView, member: EtcdMember | undefined): void {
  const rest = voters(view).filter(({ id }) => id !== member?.id);
  const healthy = rest.filter((other) => isHealthy(view, other));
  const needed = Math.floor(rest.length / 2) + 1;
  if (rest.length > 0 && healthy.length >= needed) return;
  const found = `${healthy.length} of ${rest.length} healthy${view.troubles.length > 0 ? ` (${view.troubles.join('; ')})` : ''}`;
  throw new Stop(`at least ${needed} healthy etcd voters without this node`, found);
}

/** @throws Stop unless every voter is healthy and nobody is a learner, apart from `except`. */
export function unhealthyMembers(view: EtcdView, except?: EtcdMember): string[] {
  return view.members
    .filter(({ id }) => id !== except?.id)
    .flatMap((member) => {
      const name = member.hostname || member.id;
      if (member.learner) return [`etcd member ${name} is a learner still`];
      return isHealthy(view, member) ? [] : [`etcd member ${name} is not healthy`];
    });
}
