import { CODE, OP } from './codes.js';
import { isRunning } from './drbd.js';
import type { Model } from './model.js';
import { reportUndeletable } from './replicas.js';
import { warnNotConnected, type Replies } from './replies.js';
import { adjusted, reportCleanUp, updatePeers } from './satellites.js';
import type { Replica } from './state.js';
import { manage, reportTakeOver, takeOver, wantsTieBreaker } from './tie-breaker.js';

const AUTO_TIE_BREAKER = 'DrbdOptions/auto-add-quorum-tiebreaker';

/**
 * Deletes one replica, as DELETE .../resources/{node} and an evacuation of a dispensable replica do. It may stay as the
 * resource's tie breaker. Deleting a tie breaker itself turns the automatism off for its resource. While its satellite
 * is offline it is only marked, and goes when the satellite comes back; those of an evicted node go at once.
 * @throws ApiError when it is in use, or the last one with a disk beside diskless ones.
 */
export function deleteReplica(model: Model, replies: Replies, replica: Replica, keepTieBreaker = false): void {
  const refused = model.replies(replies.context);
  if (reportUndeletable(refused, replica)) {
    for (const entry of refused.entries) entry.details = describe(replica);
    throw refused.refusal();
  }
  if (replica.definition.drbd && keepTieBreaker) replica.definition.props[AUTO_TIE_BREAKER] = 'True';
  if (staysTieBreaker(model, replies, replica, keepTieBreaker)) return;
  replica.flags.add('DELETE');
  if (replica.definition.drbd && takeOver(model, replies, replica)) return;
  replica.flags.add('DRBD_DELETE');
  reportPreparing(replies, replica);
  manage(model, replies, replica.definition);
  reportGone(model, replies, replica);
}

/** A tie breaker that is still wanted: kept when asked to, else its resource gets no other one. */
function staysTieBreaker(model: Model, replies: Replies, replica: Replica, keep: boolean): boolean {
  const { definition, node } = replica;
  const wanted = replica.flags.has('TIE_BREAKER') && wantsTieBreaker(model, definition);
  if (!wanted || node.flags.has('EVACUATE')) return false;
  if (keep) {
    reportTakeOver(replies);
    return true;
  }
  definition.props[AUTO_TIE_BREAKER] = 'False';
  const message = `Disabling auto-tiebreaker on resource-definition '${definition.name}' as tiebreaker resource was manually deleted`;
  replies.add('info', CODE.infoPropertySet, message);
  return false;
}

function describe({ node, definition }: Replica): string {
  return `Node: ${node.name}, Resource: ${definition.name}`;
}

function reportPreparing(replies: Replies, replica: Replica): void {
  const { node, uuid } = replica;
  const preparing = (peer: string): string => `Preparing deletion of resource on '${peer}'`;
  const details = `${describe(replica)} UUID is: ${uuid}`;
  replies.addAs({ operation: OP.delete }, 'success', CODE.deleted, `${describe(replica)} preparing for deletion.`, {
    details,
  });
  if (isRunning(replica)) {
    adjusted(replies, replica, 'deleted');
    replies.add('success', CODE.modified, preparing(node.name));
  }
  updatePeers(replies, replica, preparing);
}

function reportGone(model: Model, replies: Replies, replica: Replica): void {
  const { node, uuid } = replica;
  const is = { details: `${describe(replica)} UUID is: ${uuid}` };
  const was = { details: `${describe(replica)} UUID was: ${uuid}` };
  replies.add('success', CODE.deleted, `${describe(replica)} marked for deletion.`, is);
  if (!node.online && !node.flags.has('EVICTED')) return warnNotConnected(replies, node.name);
  reportCleanUp(replies, replica);
  model.forget(replica);
  replies.add('success', CODE.deleted, `${describe(replica)} deletion complete.`, was);
}
