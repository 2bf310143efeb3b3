import { OBJECT, OP } from './codes.js';
import { deleteReplica } from './delete-replica.js';
import type { Model } from './model.js';
import { addReplica } from './replicas.js';
import { ApiError } from './replies.js';
import { DISKLESS_POOL, keyOf, type Definition, type LinstorNode, type Replica } from './state.js';
import { manage } from './tie-breaker.js';

/**
 * A workload opens the resource on a node, as the CSI driver does it: a node without a replica gets a diskless one, a
 * tie breaker becomes one. It is Primary as soon as the node is online, its data within reach, and nobody else has it.
 * @throws RangeError for a resource that doesn't exist.
 */
export function open(model: Model, resource: string, nodeName: string): void {
  const definition = known(model, resource);
  const node = model.cluster.node(nodeName);
  if (node && definition.drbd && node.flags.size === 0) makeAvailable(model, definition, node);
  const wishes = model.wishes.get(keyOf(resource)) ?? new Set();
  model.wishes.set(keyOf(resource), wishes.add(keyOf(nodeName)));
}

function makeAvailable(model: Model, definition: Definition, node: LinstorNode): void {
  const present = definition.replicas.get(keyOf(node.name));
  if (present && !present.flags.has('TIE_BREAKER')) return;
  if (present) present.flags.delete('TIE_BREAKER');
  else {
    const pool = node.pools.get(keyOf(DISKLESS_POOL))!;
    addReplica(model, definition, { node, pool }, ['DISKLESS', 'DRBD_DISKLESS']);
  }
  manage(model, model.replies(), definition);
}

/**
 * The workload closes it, or never had it open. A diskless replica goes with its user, or stays as the tie breaker.
 */
export function close(model: Model, resource: string, nodeName: string): void {
  model.wishes.get(keyOf(resource))?.delete(keyOf(nodeName));
  const replica = model.cluster.replica(resource, nodeName);
  if (replica === undefined) return;
  if (replica.primary) replica.definition.lastWrite = model.world.now();
  replica.primary = false;
  if (isClient(replica)) detach(model, replica);
}

function isClient(replica: Replica): boolean {
  return replica.flags.has('DRBD_DISKLESS') && !replica.flags.has('TIE_BREAKER');
}

/** What the driver's detach asks for; a refusal leaves the replica where it is. */
function detach(model: Model, replica: Replica): void {
  const refs = { RscDfn: replica.definition.name, Node: replica.node.name };
  const replies = model.replies({ operation: OP.delete, object: OBJECT.resource, refs });
  try {
    deleteReplica(model, replies, replica);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

function known(model: Model, resource: string): Definition {
  const definition = model.cluster.definition(resource);
  if (definition) return definition;
  const names = [...model.cluster.definitions.values()].map(({ name }) => name).sort();
  throw new RangeError(
    `unknown LINSTOR resource '${resource}': expected one of ${names.join(', ') || 'none yet'}; seed it first`,
  );
}
