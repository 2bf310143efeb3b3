import { CODE, OBJECT, OP } from './codes.js';
import type { Model } from './model.js';
import type { Context } from './replies.js';
import { keyOf, type Definition, type LinstorNode, type Replica, type ResourceGroup } from './state.js';

const NODE_NAME = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;
const OBJECT_NAME = /^[a-zA-Z_][a-zA-Z0-9_-]*$/;
const NONE: Context = { operation: OP.none, object: OBJECT.none };

/** @throws ApiError 500 code 200 unless it could be a node's name. */
export function checkNodeName(model: Model, name: string): string {
  if (name.length >= 2 && name.length <= 255 && NODE_NAME.test(name)) return name;
  throw model.replies().plain('error', CODE.invalidNodeName, `The given node name '${name}' is invalid.`).refusal();
}

/** @throws ApiError 500 unless it could be the name of a resource, a group or a pool. */
export function checkObjectName(model: Model, what: string, name: string, code: number): string {
  if (name.length >= 2 && name.length <= 48 && OBJECT_NAME.test(name)) return name;
  throw model.replies().plain('error', code, `The given ${what} name '${name}' is invalid.`).refusal();
}

/** @throws ApiError 404 code 300. */
export function findNode(model: Model, name: string, context: Context = NONE, details?: string): LinstorNode {
  const node = model.cluster.node(checkNodeName(model, name));
  return node ?? missing(model, 'node', name, CODE.notFoundNode, context, details);
}

/** @throws ApiError 404 code 301. */
export function findDefinition(model: Model, name: string, context: Context = NONE, details?: string): Definition {
  const definition = model.cluster.definition(name);
  return definition ?? missing(model, 'resource definition', name, CODE.notFoundDefinition, context, details);
}

/** @throws ApiError 404 code 317. */
export function findGroup(model: Model, name: string, context: Context = NONE, details?: string): ResourceGroup {
  const group = model.cluster.group(name);
  return group ?? missing(model, 'resource group', name, CODE.notFoundGroup, context, details);
}

/** @throws ApiError 404 code 302. */
export function findReplica(model: Model, definition: Definition, node: string): Replica {
  const replica = definition.replicas.get(keyOf(node));
  if (replica) return replica;
  const message = `Resource '${definition.name}' on '${node}' not found.`;
  throw model.replies().plain('error', CODE.notFoundResource, message).refusal();
}

function missing(
  model: Model,
  what: string,
  name: string,
  code: number,
  context: Context,
  details: string | undefined,
): never {
  const message = `${what.charAt(0).toUpperCase()}${what.slice(1)} '${name}' not found.`;
  const replies = model.replies(context).add('error', code, message, {
    cause: `The specified ${what} '${name}' could not be found in the database`,
    ...(details === undefined ? {} : { details }),
    correction: `Create a ${what} with the name '${name}' first.`,
  });
  throw replies.refusal();
}
