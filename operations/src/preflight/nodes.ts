import { cordonedByUs } from '../checks/cordonMark.js';
import { assertQuorumWithout, memberOf, unhealthyMembers, type EtcdView } from '../checks/etcdView.js';
import { holds } from '../clients/kubernetesObjects.js';
import { messageOf } from '../runtime/errors.js';
import { blocker, warning, type Finding } from './finding.js';
import type { SchedulableNode } from './objects.js';
import type { TurnRequest } from './request.js';

/**
 * Whether something wrong with one node stands in the way of another one's turn. Its own turn may well be its cure, so
 * it only does where a turn comes before that.
 */
export function standsInTheWay(name: string, turns: TurnRequest[]): boolean {
  return turns[0] !== undefined && turns[0].name !== name;
}

export function nodeFindings(nodes: SchedulableNode[], turns: TurnRequest[]): Finding[] {
  return nodes.flatMap((node) => [...notReady(node, turns), ...cordons(node, turns)]);
}

function notReady(node: SchedulableNode, turns: TurnRequest[]): Finding[] {
  if (holds(node, 'Ready')) return [];
  const message = node.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
  const tell = standsInTheWay(node.metadata.name, turns) ? blocker : warning;
  return [
    tell({
      topic: 'node',
      object: `node ${node.metadata.name}`,
      expected: 'every other node Ready before a node leaves',
      found: `not Ready${message ? `: ${message}` : ''}`,
      remedy: 'mend it, or replace it first: prox-ops roll --nodes ' + node.metadata.name,
    }),
  ];
}

function cordons(node: SchedulableNode, turns: TurnRequest[]): Finding[] {
  if (node.spec?.unschedulable !== true) return [];
  const { name } = node.metadata;
  const about = { topic: 'node', object: `node ${name}`, expected: 'no node cordoned' } as const;
  if (!cordonedByUs(node)) return [foreignCordon(name, turns)];
  const tell = standsInTheWay(name, turns) ? blocker : warning;
  return [
    tell({ ...about, found: 'cordoned by prox-ops still', remedy: `bring it back first: prox-ops abort ${name}` }),
  ];
}

/** Nobody but who cordoned a node knows whether it can be relied on: it stays so, also after its own turn, and no other may leave. */
function foreignCordon(name: string, turns: TurnRequest[]): Finding {
  const tell = turns.some((turn) => turn.name !== name) ? blocker : warning;
  return tell({
    topic: 'node',
    object: `node ${name}`,
    expected: 'no node cordoned',
    found: 'cordoned by somebody else',
    remedy: `it stays so; if that is over: kubectl uncordon ${name}`,
  });
}

/** etcd must be whole before a node goes, and have a quorum without it when it is a control plane. */
export function etcdFindings(view: EtcdView, controlPlanes: string[], turns: TurnRequest[]): Finding[] {
  const quorum = turns
    .filter(({ role, action }) => role === 'controlplane' && action !== 'add' && action !== 'kubernetes')
    .flatMap((turn) => withoutMember(view, turn));
  return [...quorum, ...members(view, controlPlanes, turns)];
}

function withoutMember(view: EtcdView, turn: TurnRequest): Finding[] {
  try {
    const { name, address } = turn;
    const named = view.members.find(({ hostname }) => hostname === name);
    assertQuorumWithout(view, address === undefined ? named : memberOf(view, { name, address }));
    return [];
  } catch (error) {
    return [
      blocker({
        topic: 'etcd',
        node: turn.name,
        object: 'etcd',
        expected: 'a quorum of healthy members without this one',
        found: messageOf(error),
        remedy: 'bring the other members back first',
      }),
    ];
  }
}

function members(view: EtcdView, controlPlanes: string[], turns: TurnRequest[]): Finding[] {
  const [first] = turns;
  const own = first?.role === 'controlplane' ? view.members.find(({ hostname }) => hostname === first.name) : undefined;
  const live = new Set([...view.live.values()].map(({ address }) => address));
  const coming = turns.filter(({ action }) => action === 'add').map(({ address }) => address);
  const absent = controlPlanes
    .filter((address) => !live.has(address) && address !== first?.address && !coming.includes(address))
    .map((address) => view.troubles.find((trouble) => trouble.startsWith(`${address}:`)) ?? `${address}: no member`);
  return [...unhealthyMembers(view, own), ...absent].map((found) =>
    blocker({
      topic: 'etcd',
      object: 'etcd',
      expected: 'every other member a healthy voter before a node leaves',
      found,
      remedy: 'bring that member back first',
    }),
  );
}
