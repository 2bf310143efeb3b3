import { randomUUID } from 'node:crypto';
import { CODE, OBJECT, OP } from './codes.js';
import { deleteNodeReplicas } from './node-replicas.js';
import { checkNodeName, findNode } from './lookup.js';
import type { Model } from './model.js';
import { applyProps, type PropsChange } from './props.js';
import { reportUndeletable } from './replicas.js';
import { warnNotConnected, type Context, type Entry } from './replies.js';
import { describeTools, ONLINE_TOOLS } from './tools.js';
import { DISKLESS_POOL, keyOf, type LinstorNode, type NetInterface, type Props } from './state.js';

const CREATE: Context = { operation: OP.create, object: OBJECT.node };
const DELETE: Context = { operation: OP.delete, object: OBJECT.node };

export interface NodeBody {
  name: string;
  type?: string;
  props?: Props;
  net_interfaces?: Partial<NetInterface>[];
}

/** Enters a node; it is OFFLINE until a satellite answers. */
export function addNode(model: Model, name: string, interfaces: Partial<NetInterface>[], props: Props): LinstorNode {
  const node: LinstorNode = {
    name,
    uuid: randomUUID(),
    flags: new Set(),
    props: { ...props, CurStltConnName: interfaces[0]?.name ?? 'default' },
    interfaces: interfaces.map(completeInterface),
    online: false,
    offlineSince: model.world.now(),
    pools: new Map(),
  };
  const pool = { name: DISKLESS_POOL, kind: 'DISKLESS' as const, uuid: randomUUID(), capacity: 0, props: {} };
  node.pools.set(keyOf(DISKLESS_POOL), pool);
  model.cluster.nodes.set(keyOf(name), node);
  model.announce('node-create', node);
  return node;
}

function completeInterface(part: Partial<NetInterface>, index: number): NetInterface {
  return {
    name: part.name ?? 'default',
    address: part.address ?? '',
    satellite_port: part.satellite_port ?? 3366,
    satellite_encryption_type: (part.satellite_encryption_type ?? 'PLAIN').toUpperCase(),
    is_active: index === 0,
    uuid: randomUUID(),
  };
}

/**
 * POST nodes. `answers`: a satellite that the node can be connected to at once is there.
 * @throws ApiError 500 for a bad name or type, or a node that exists.
 */
export function createNode(model: Model, body: NodeBody, answers: boolean): Entry[] {
  checkNodeName(model, body.name);
  const replies = model.replies({ ...CREATE, refs: { Node: body.name } });
  if ((body.type ?? 'Satellite').toUpperCase() !== 'SATELLITE') {
    const message = `The specified node type '${body.type}' is invalid.`;
    throw replies.add('error', CODE.invalidNodeType, message).refusal();
  }
  if (model.cluster.node(body.name)) {
    throw replies.add('error', CODE.existsNode, `Node '${body.name}' already exists.`).refusal();
  }
  const node = addNode(model, body.name, body.net_interfaces ?? [], body.props ?? {});
  const refs = { UUID: node.uuid, Node: node.name };
  const details = `Node '${node.name}' UUID is: ${node.uuid}`;
  replies.addAs({ refs }, 'success', CODE.created, `New node '${node.name}' registered.`, { details });
  if (!answers) warnNotConnected(replies, node.name);
  else {
    const tools = { details: describeTools(ONLINE_TOOLS) };
    replies.add('success', CODE.authenticated, `Node '${node.name}' authenticated`, tools);
  }
  return replies.entries;
}

/**
 * DELETE nodes/{node}. Takes every replica with it, sole copies included and without protest, offline or not; it only
 * refuses when one is in use, or the last with a disk beside diskless ones. No effect (warnings) on an unknown node
 * and on an evicted one.
 */
export function deleteNode(model: Model, name: string): Entry[] {
  checkNodeName(model, name);
  const node = model.cluster.node(name);
  const replies = model.replies({ ...DELETE, refs: { Node: node?.name ?? name } });
  if (node === undefined) return noEffect(model, name);
  if (node.flags.has('EVICTED')) {
    return replies.add('warning', CODE.warnEvicted, `Deletion of node '${node.name}' had no effect.`, {
      cause: `Node '${node.name}' has been evicted.`,
      details: `Node: ${node.name}`,
      correction: 'Use node lost command to delete an evicted node.',
    }).entries;
  }
  const replicas = model.cluster.replicasOn(node);
  if (replicas.filter((replica) => reportUndeletable(replies, replica)).length > 0) {
    const message = 'Cannot delete node, because it has in use or last diskful resources.';
    const extras = { cause: `Node '${node.name}' cannot be deleted.`, details: `Node: ${node.name}` };
    throw replies.add('error', CODE.nodeHasUsedResources, message, extras).refusal();
  }
  node.flags.add('DELETE');
  if (replicas.length > 0) {
    const details = `Node '${node.name}' UUID is: ${node.uuid}`;
    replies.add('success', CODE.deleted, `Node '${node.name}' marked for deletion.`, { details });
    deleteNodeReplicas(model, replies, node, replicas);
  }
  forgetNode(model, node);
  const details = `Node '${node.name}' UUID was: ${node.uuid}`;
  return replies.add('success', CODE.deleted, `Node '${node.name}' deleted.`, { details }).entries;
}

function noEffect(model: Model, name: string): Entry[] {
  const replies = model.replies({ ...DELETE, refs: { Node: name } });
  return replies.add('warning', CODE.warnNotFound, `Deletion of node '${name}' had no effect.`, {
    cause: `Node '${name}' does not exist.`,
    details: `Node: ${name}`,
  }).entries;
}

/** DELETE nodes/{node}/lost: for nodes that never come back. @throws ApiError 500 (506) while the satellite is online. */
export function loseNode(model: Model, name: string): Entry[] {
  checkNodeName(model, name);
  const node = model.cluster.node(name);
  if (node === undefined) return noEffect(model, name);
  const replies = model.replies({ ...DELETE, refs: { Node: node.name } });
  if (node.online) {
    const message = `Node '${node.name}' still connected, please use the 'DelNode' api.`;
    const origin = {
      exception: 'ApiRcException',
      file: 'CtrlNodeLostApiCallHandler.java',
      method: 'lostNodeInTransaction',
      line: 178,
    };
    const error_report_ids = [model.reports.file(message, origin)];
    const extras = { details: `Node: ${node.name}`, error_report_ids };
    throw replies.add('error', CODE.existsNodeConnection, message, extras).refusal();
  }
  node.flags.add('DELETE');
  for (const replica of model.cluster.replicasOn(node)) model.forget(replica);
  forgetNode(model, node);
  const details = `Node '${node.name}' UUID was: ${node.uuid}`;
  return replies.add('success', CODE.deleted, `Node '${node.name}' deleted.`, { details }).entries;
}

function forgetNode(model: Model, node: LinstorNode): void {
  model.announce('node-delete', node);
  model.cluster.nodes.delete(keyOf(node.name));
}

/**
 * PUT nodes/{node}/reconnect: the connection is closed and made again at once where the satellite answers. DRBD doesn't
 * notice, but the watches of running migrations end with the old connection. @throws ApiError 404.
 */
export function reconnectNode(model: Model, name: string): Entry[] {
  const context = { operation: OP.modify, object: OBJECT.node, refs: { Node: name } };
  const node = findNode(model, name, context, `Nodes: [${name}]`);
  const replies = model.replies({ operation: OP.modify, object: OBJECT.node });
  if (node.flags.has('EVICTED')) {
    const message = `Nodes [${name}] are evicted and will not be reconnected. Use node restore <node-name> to reconnect.`;
    return replies.add('warning', CODE.warnEvicted, message).entries;
  }
  model.dropMigrations(node);
  return replies.add('success', 0, `Nodes [${name}] will be reconnected.`).entries;
}

/** PUT nodes/{node}: properties. @throws ApiError 404. */
export function modifyNode(model: Model, name: string, change: PropsChange): Entry[] {
  const context = { operation: OP.modify, object: OBJECT.node, refs: { Node: name } };
  const node = findNode(model, name, context);
  const replies = model.replies(context);
  applyProps(node.props, change);
  const details = `Node '${node.name}' UUID is: ${node.uuid}`;
  return replies.add('success', CODE.modified, `Node '${node.name}' updated.`, { details }).entries;
}
