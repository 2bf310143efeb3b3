import { CODE, OBJECT, OP } from './codes.js';
import { lvmSizeOf } from './drbd.js';
import { deleteReplica } from './delete-replica.js';
import { findDefinition, findNode } from './lookup.js';
import type { Model } from './model.js';
import { freeSpace, poolNames } from './placement.js';
import { addDisk, addReplica, reportCreated } from './replicas.js';
import { warnNotConnected, type Entry, type Replies } from './replies.js';
import {
  DISKLESS_POOL,
  keyOf,
  type Definition,
  type LinstorNode,
  type Props,
  type ReplicaFlag,
  type StoragePool,
} from './state.js';
import { manage } from './tie-breaker.js';

export interface ResourceBody {
  resource?: { name?: string; node_name?: string; flags?: string[]; props?: Props };
}

const DISKLESS_FLAGS: ReplicaFlag[] = ['DISKLESS', 'DRBD_DISKLESS'];

/**
 * POST resource-definitions/{rsc}/resources/{node}: one replica by hand. A tie breaker there becomes what is asked for.
 * @throws ApiError 404; 500 for a node being evacuated (975), no room, no such pool, or a replica that exists.
 */
export function createResource(model: Model, name: string, nodeName: string, body: ResourceBody): Entry[] {
  const definition = findDefinition(model, name);
  const node = findNode(model, nodeName);
  const refs = { RscDfn: definition.name };
  const replies = model.replies({ operation: OP.create, object: OBJECT.resource, refs });
  const ready = `Node(s): '${node.name}', Resource: '${definition.name}'`;
  refuseEvacuating(model, replies, node, ready);
  const diskless = (body.resource?.flags ?? []).some((flag) => flag === 'DISKLESS' || flag === 'DRBD_DISKLESS');
  const pool = diskless
    ? node.pools.get(keyOf(DISKLESS_POOL))!
    : choosePool(model, replies, node, definition, body, ready);
  const present = definition.replicas.get(keyOf(node.name));
  if (present?.flags.has('TIE_BREAKER') === true) {
    present.flags.delete('TIE_BREAKER');
    if (!diskless) addDisk(replies, present, pool);
    manage(model, replies, definition);
    return replies.entries;
  }
  if (present) {
    const message = `A resource '${definition.name}' on node '${node.name}' already exists.`;
    throw replies.add('error', CODE.existsResource, message, { details: ready }).refusal();
  }
  if (!diskless) replies.add('success', CODE.created, 'Successfully set property key(s): StorPoolName');
  const replica = addReplica(model, definition, { node, pool }, diskless ? DISKLESS_FLAGS : []);
  manage(model, replies, definition);
  if (!node.online) warnNotConnected(replies, node.name);
  reportCreated(replies, replica);
  return replies.entries;
}

function refuseEvacuating(model: Model, replies: Replies, node: LinstorNode, details: string): void {
  if (!node.flags.has('EVACUATE')) return;
  // The missing quote is the controller's own.
  const message = `node '${node.name} is being evacuated. No new resources allowed on this node.`;
  const origin = {
    exception: 'ApiRcException',
    file: 'CtrlRscCrtApiHelper.java',
    method: 'createResourceDb',
    line: 268,
  };
  const error_report_ids = [model.reports.file(message, origin)];
  throw replies.add('error', CODE.evacuating, message, { details, error_report_ids }).refusal();
}

/** The pool named in the request, else the group's first; it has to be there and to have room. */
function choosePool(
  model: Model,
  replies: Replies,
  node: LinstorNode,
  definition: Definition,
  body: ResourceBody,
  details: string,
): StoragePool {
  const name = body.resource?.props?.['StorPoolName'] ?? poolNames(definition.group.filter)?.[0] ?? 'DfltStorPool';
  const pool = node.pools.get(keyOf(name));
  if (pool === undefined) {
    const message = `The storage pool '${name}' for resource '${definition.name}' is not deployed on node '${node.name}'.`;
    throw replies.add('error', CODE.notFoundStoragePool, message, { details }).refusal();
  }
  if (freeSpace(model, node, pool) >= lvmSizeOf(definition)) return pool;
  const message = `Not enough free space available for resource '${definition.name}' in storage pool '${name}'.`;
  throw replies.add('error', CODE.invalidVolumeSize, message, { details }).refusal();
}

/** DELETE resource-definitions/{rsc}/resources/{node}. No effect (warning) on an unknown one. */
export function deleteResource(model: Model, name: string, nodeName: string, keepTieBreaker: boolean): Entry[] {
  const replica = model.cluster.replica(name, nodeName);
  const definition = replica?.definition.name ?? name;
  const node = replica?.node.name ?? nodeName;
  const refs = { RscDfn: definition, Node: node };
  const replies = model.replies({ operation: OP.delete, object: OBJECT.resource, refs });
  if (replica === undefined) {
    const what = `Node: ${node}, Resource: ${definition}`;
    return replies.add('warning', CODE.warnNotFound, `${what} not found.`, { details: what }).entries;
  }
  deleteReplica(model, replies, replica, keepTieBreaker);
  return replies.entries;
}
