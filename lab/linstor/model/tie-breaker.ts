import { CODE, OBJECT, OP } from './codes.js';
import type { Model } from './model.js';
import { autoplace } from './placement.js';
import { addReplica, reportDeployed, type Ready } from './replicas.js';
import type { Replies } from './replies.js';
import { adjusted, reportCleanUp, updateAll } from './satellites.js';
import { DISKLESS_POOL, isDiskless, keyOf, sorted, type Definition, type Replica } from './state.js';
import { isActive, updateQuorum } from './quorum.js';

const TIE_BREAKER_FLAGS = ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER'] as const;

/**
 * What the controller does by itself after a resource's replicas changed: a tie breaker where two, four, ... replicas
 * have a disk and nobody else is diskless, none otherwise; and the quorum that fits. Runs after create, delete,
 * restore, changed properties, and after a migration has deleted its old replica. What is done goes to `replies`,
 * what the satellites say of it to `deployed`.
 * Source: linstor-server CtrlRscAutoTieBreakerHelper.java, CtrlRscAutoQuorumHelper.java.
 */
export function manage(model: Model, replies: Replies, definition: Definition, deployed: Replies = replies): void {
  if (!definition.drbd) return;
  const present = sorted(definition.replicas).find((replica) => isActive(replica) && replica.flags.has('TIE_BREAKER'));
  const wanted = wantsTieBreaker(model, definition);
  // Offline satellites keep theirs: nobody could take it away there.
  const dismissed = !wanted && present?.node.online === true ? present : undefined;
  if (dismissed) dismissed.flags.add('DELETE');
  const made = wanted && present === undefined ? appoint(model, replies, definition) : undefined;
  updateQuorum(replies, definition);
  if (dismissed) dismiss(model, deployed, dismissed);
  if (made) reportDeployed(deployed, [made], readyDetails(replies, definition, made));
}

export function wantsTieBreaker(model: Model, definition: Definition): boolean {
  const enabled = model.cluster.propertyOf(definition, 'DrbdOptions/auto-add-quorum-tiebreaker');
  if (enabled?.toLowerCase() !== 'true') return false;
  const active = sorted(definition.replicas).filter(isActive);
  const diskful = active.filter((replica) => !isDiskless(replica)).length;
  const clients = active.filter((replica) => isDiskless(replica) && !replica.flags.has('TIE_BREAKER')).length;
  return diskful >= 2 && diskful % 2 === 0 && clients === 0;
}

function appoint(model: Model, replies: Replies, definition: Definition): Replica | undefined {
  const filter = { ...definition.group.filter, place_count: 0, additional_place_count: 1 };
  const [place] = autoplace(model, { filter, definition, diskless: true }) ?? [];
  if (place === undefined) {
    const message = `Could not find suitable node to automatically create a tie breaking resource for '${definition.name}'.`;
    replies.add('warning', CODE.warnNotEnoughNodesForTieBreaker, message);
    return undefined;
  }
  const replica = addReplica(model, definition, place, [...TIE_BREAKER_FLAGS]);
  const property = 'Successfully set property key(s): StorPoolName';
  replies.addAs({ operation: OP.create, object: OBJECT.resource }, 'success', CODE.created, property);
  const message = `Tie breaker resource '${definition.name}' created on ${place.node.name}`;
  replies.add('info', CODE.infoTieBreakerCreated, message);
  return replica;
}

/** Outside of a request about the resource itself, the answer is about the node. */
function readyDetails(replies: Replies, definition: Definition, made: Replica): Ready {
  if (replies.context.refs !== undefined) return { details: `Auto-placing resource: ${definition.name}` };
  const refs = { Node: made.node.name };
  return { details: `Node: ${made.node.name}`, context: { operation: OP.modify, object: OBJECT.node, refs } };
}

function dismiss(model: Model, replies: Replies, tieBreaker: Replica): void {
  const { definition, node } = tieBreaker;
  adjusted(replies, tieBreaker, 'deleted');
  reportCleanUp(replies, tieBreaker);
  model.forget(tieBreaker);
  const what = `Node: ${node.name}, Resource: ${definition.name}`;
  const details = `${what} UUID was: ${tieBreaker.uuid}`;
  replies.add('success', CODE.deleted, `${what} deletion complete.`, { details });
  updateAll(replies, definition, (peer) => `Updated Resource definition '${definition.name}' on '${peer}'`);
}

/**
 * A replica marked for deletion stays as the tie breaker where one is wanted without it: a diskless one keeps its
 * place, a diskful one loses its disk. On a node that is being evacuated or evicted it goes in any case.
 */
export function takeOver(model: Model, replies: Replies, replica: Replica): boolean {
  const { definition, node } = replica;
  const present = sorted(definition.replicas).some((other) => other.flags.has('TIE_BREAKER'));
  if (present || node.flags.size > 0 || !node.online || !wantsTieBreaker(model, definition)) return false;
  replica.flags = new Set(TIE_BREAKER_FLAGS);
  replica.pool = node.pools.get(keyOf(DISKLESS_POOL))!;
  replica.props = { StorPoolName: DISKLESS_POOL };
  replica.disk = 'Diskless';
  replica.layerFlags = ['DISKLESS', 'INITIALIZED'];
  replica.missing = 0;
  replica.total = 0;
  delete replica.sync;
  reportTakeOver(replies);
  updateQuorum(replies, definition);
  return true;
}

export function reportTakeOver(replies: Replies): void {
  const message =
    'The given resource will not be deleted but will be taken over as a linstor managed tiebreaker resource.';
  replies.add('info', CODE.infoTieBreakerTakeover, message);
}
