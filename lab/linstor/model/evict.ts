import { CODE, OBJECT, OP } from './codes.js';
import { isRunning } from './drbd.js';
import { findNode } from './lookup.js';
import type { Model } from './model.js';
import { deployAll, requestFor } from './place.js';
import { autoplace } from './placement.js';
import type { Entry } from './replies.js';
import { updateAll } from './satellites.js';
import { isDiskless, type Definition, type LinstorNode } from './state.js';

const MINUTE = 60_000;

/** PUT nodes/{node}/evict. @throws ApiError 404; 500 (997) while the satellite is online. */
export function evict(model: Model, name: string): Entry[] {
  const node = findNode(model, name);
  if (node.online) {
    const replies = model.replies({ operation: OP.none, object: OBJECT.node });
    throw replies.add('error', CODE.inUse, 'Eviction of an online node is not possible.').refusal();
  }
  return declareEvicted(model, node);
}

/** The node's replicas are switched off and made again elsewhere, as far as their group's place count asks for it. */
function declareEvicted(model: Model, node: LinstorNode): Entry[] {
  node.flags.add('DELETE');
  node.flags.add('EVICTED');
  const replies = model.replies();
  for (const replica of model.cluster.replicasOn(node).filter(({ definition }) => definition.drbd)) {
    replica.flags.delete('EVACUATE');
    replica.flags.add('INACTIVE');
    replica.flags.add('EVICTED');
    replace(model, replica.definition);
    const running = [...replica.definition.replicas.values()].filter(isRunning);
    if (running.length > 0) updateAll(replies, replica.definition, (peer) => `Resource updated on '${peer}'`, running);
  }
  model.announce('node-evicted', node);
  return replies.entries;
}

function replace(model: Model, definition: Definition): void {
  const alive = [...definition.replicas.values()].filter((replica) => !replica.flags.has('EVICTED'));
  const diskful = alive.filter((replica) => !isDiskless(replica)).length;
  const wanted = definition.group.filter.place_count ?? 2;
  if (diskful === 0 || diskful >= wanted) return;
  const filter = { ...definition.group.filter, place_count: 0, additional_place_count: wanted - diskful };
  const places = autoplace(model, { ...requestFor(definition), filter });
  if (places) deployAll(model, model.replies(), definition, places);
}

/** When auto-evict would take the node: undefined while it is online or the property forbids it (the lab's default). */
export function evictionTime(model: Model, node: LinstorNode): number | undefined {
  const property = (key: string): string | undefined => node.props[key] ?? model.cluster.props[key];
  if (node.online || property('DrbdOptions/AutoEvictAllowEviction')?.toLowerCase() !== 'true') return undefined;
  return node.offlineSince + Number(property('DrbdOptions/AutoEvictAfterTime') ?? 60) * MINUTE;
}

/** Evicts the nodes whose time has come, unless too many are gone at once for it to be their own fault. */
export function autoEvict(model: Model): boolean {
  const nodes = [...model.cluster.nodes.values()];
  const offline = nodes.filter((node) => !node.online && !node.flags.has('EVICTED'));
  const percent = Number(model.cluster.props['DrbdOptions/AutoEvictMaxDisconnectedNodes'] ?? 34);
  if (offline.length > Math.round((percent * nodes.length) / 100)) return false;
  const due = offline.filter((node) => (evictionTime(model, node) ?? Infinity) <= model.world.now());
  for (const node of due) declareEvicted(model, node);
  return due.length > 0;
}
