import { CODE, OBJECT, OP } from './codes.js';
import { peersOf } from './drbd.js';
import { deleteReplica } from './delete-replica.js';
import { findNode } from './lookup.js';
import type { Model } from './model.js';
import type { Entry, Replies } from './replies.js';
import { updateAll } from './satellites.js';
import { isDiskless, sorted, type Replica } from './state.js';
import { manage } from './tie-breaker.js';

export interface RestoreBody {
  delete_resources?: boolean;
  delete_snapshots?: boolean;
}

/**
 * PUT nodes/{node}/restore: takes EVACUATE and EVICTED off the node and its replicas. It does not call back a migration
 * that already runs: the old replica still goes once the new one is UpToDate. May create tie breakers.
 * @throws ApiError 404 for an unknown node, 500 (code 0) when the node has neither flag.
 */
export function restore(model: Model, name: string, body: RestoreBody): Entry[] {
  const node = findNode(model, name);
  if (!node.flags.has('EVACUATE') && !node.flags.has('EVICTED')) {
    const message = `Node '${node.name}' is neither evicted nor evacuated.`;
    throw model.replies().plain('error', 0, message).refusal();
  }
  for (const flag of ['EVACUATE', 'EVICTED', 'DELETE'] as const) node.flags.delete(flag);
  const replies = model.replies();
  for (const replica of model.cluster.replicasOn(node)) {
    if (body.delete_resources === true) deleteUnlessLast(model, replies, replica);
    else unflag(replies, replica);
  }
  const done = model.replies();
  done.addAs({ object: OBJECT.node }, 'success', 0, `Successfully restored node ${node.name}`);
  for (const definition of sorted(model.cluster.definitions)) manage(model, done, definition, replies);
  model.announce('node-restored', node);
  return [...replies.entries, ...done.entries];
}

function unflag(replies: Replies, replica: Replica): void {
  const flagged = replica.flags.has('EVACUATE') || replica.flags.has('EVICTED');
  for (const flag of ['EVACUATE', 'EVICTED', 'INACTIVE'] as const) replica.flags.delete(flag);
  if (flagged) updateAll(replies, replica.definition, (node) => `Resource restored on '${node}'`);
}

/** The last copy stays, and keeps its EVACUATE flag. */
function deleteUnlessLast(model: Model, replies: Replies, replica: Replica): void {
  const { definition, node } = replica;
  if (definition.drbd && !peersOf(replica).some((peer) => !isDiskless(peer) && !peer.flags.has('DELETE'))) {
    const message = `Not deleting resource ${definition.name} since it is the last non-deleting diskful resource of this resource-definition`;
    replies.plain('warning', CODE.warnNotUpdated, message);
    return;
  }
  const refs = { RscDfn: definition.name, Node: node.name };
  const deletion = model.replies({ operation: OP.delete, object: OBJECT.resource, refs });
  deleteReplica(model, deletion, replica);
  replies.append(deletion);
}
