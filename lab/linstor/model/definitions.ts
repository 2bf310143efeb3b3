import { randomUUID } from 'node:crypto';
import { CODE, OBJECT, OP } from './codes.js';
import { checkObjectName, findDefinition, findGroup } from './lookup.js';
import type { Model } from './model.js';
import { applyProps, type PropsChange } from './props.js';
import { reportUndeletable } from './replicas.js';
import type { Context, Entry } from './replies.js';
import { adjusted } from './satellites.js';
import { isRunning } from './drbd.js';
import { DEFAULT_GROUP, keyOf, sorted, type Definition, type Props, type ResourceGroup } from './state.js';
import { manage } from './tie-breaker.js';

export interface DefinitionBody {
  drbd_port?: number;
  resource_definition: {
    name: string;
    props?: Props;
    resource_group_name?: string;
    layer_data?: { type: string }[];
    volume_definitions?: { size_kib: number; volume_number?: number }[];
  };
}

function context(operation: bigint, name: string): Context {
  return { operation, object: OBJECT.definition, refs: { RscDfn: name } };
}

/** Enters a definition without volumes. */
export function addDefinition(model: Model, name: string, group: ResourceGroup, layers: string[]): Definition {
  const definition: Definition = {
    name,
    uuid: randomUUID(),
    group,
    props: {},
    drbd: layers.includes('DRBD'),
    port: model.cluster.freePort(),
    volumes: [],
    lastWrite: 0,
    replicas: new Map(),
  };
  model.cluster.definitions.set(keyOf(name), definition);
  return definition;
}

/** The layers a resource gets when nobody names them. */
export function layersOf(group: ResourceGroup, named: string[] = []): string[] {
  const layers = named.length > 0 ? named : (group.filter.layer_stack ?? []);
  return layers.length > 0 ? layers.map((layer) => layer.toUpperCase()) : ['DRBD', 'STORAGE'];
}

/** POST resource-definitions. @throws ApiError 500 for a bad name, an existing one, or layers that are not there. */
export function createDefinition(model: Model, body: DefinitionBody): Entry[] {
  const wanted = body.resource_definition;
  const name = checkObjectName(model, 'resource', wanted.name, CODE.invalidResourceName);
  const replies = model.replies(context(OP.create, name));
  if (model.cluster.definition(name)) {
    const message = `Resource definition '${name}' already exists.`;
    throw replies.add('error', CODE.existsDefinition, message).refusal();
  }
  const group = findGroup(model, wanted.resource_group_name ?? DEFAULT_GROUP, replies.context);
  const layers = layersOf(
    group,
    (wanted.layer_data ?? []).map((layer) => layer.type),
  );
  const unknown = layers.find((layer) => layer !== 'DRBD' && layer !== 'STORAGE');
  if (unknown !== undefined) {
    throw replies.add('error', CODE.invalidLayerKind, `Layer kind '${unknown}' is not available here.`).refusal();
  }
  const definition = addDefinition(model, name, group, layers);
  Object.assign(definition.props, wanted.props ?? {});
  if (body.drbd_port !== undefined) definition.port = body.drbd_port;
  for (const volume of wanted.volume_definitions ?? [])
    addVolume(model, definition, volume.size_kib, volume.volume_number);
  const refs = { UUID: definition.uuid, RscDfn: name };
  const details = `Resource definition '${name}' UUID is: ${definition.uuid}`;
  replies.addAs({ refs }, 'success', CODE.created, `New resource definition '${name}' created.`, { details });
  return replies.entries;
}

/** PUT resource-definitions/{rsc}: properties and group. Tie breakers and quorum follow. @throws ApiError 404. */
export function modifyDefinition(
  model: Model,
  name: string,
  body: PropsChange & { drbd_port?: number; resource_group?: string },
): Entry[] {
  const definition = findDefinition(model, name, context(OP.modify, name));
  const replies = model.replies(context(OP.modify, definition.name));
  if (body.resource_group !== undefined) definition.group = findGroup(model, body.resource_group, replies.context);
  if (body.drbd_port !== undefined) definition.port = body.drbd_port;
  applyProps(definition.props, body);
  const details = `Resource definition '${definition.name}' UUID is: ${definition.uuid}`;
  replies.add('success', CODE.modified, `Resource definition '${definition.name}' modified.`, { details });
  manage(model, replies, definition);
  return replies.entries;
}

/** DELETE resource-definitions/{rsc}: with all its replicas. @throws ApiError 500 (997) while one is in use. */
export function deleteDefinition(model: Model, name: string): Entry[] {
  const definition = model.cluster.definition(name);
  const replies = model.replies(context(OP.delete, definition?.name ?? name));
  if (definition === undefined) {
    return replies.add('warning', CODE.warnNotFound, `Resource definition '${name}' not found.`).entries;
  }
  const used = sorted(definition.replicas).find((replica) => replica.primary);
  if (used) {
    reportUndeletable(replies, used);
    throw replies.refusal();
  }
  const what = `Resource definition '${definition.name}'`;
  const is = { details: `${what} UUID is: ${definition.uuid}` };
  replies.add('success', CODE.deleted, `${what} marked for deletion.`, is);
  for (const replica of sorted(definition.replicas)) {
    if (isRunning(replica)) adjusted(replies, replica, 'deleted');
    replies.add('success', CODE.modified, `Resource '${definition.name}' on '${replica.node.name}' deleted`);
    model.forget(replica);
  }
  model.cluster.definitions.delete(keyOf(definition.name));
  model.wishes.delete(keyOf(definition.name));
  const was = { details: `${what} UUID was: ${definition.uuid}` };
  return replies.add('success', CODE.deleted, `${what} deleted.`, was).entries;
}

/** Adds a volume; replicas that exist already get it at once. */
export function addVolume(model: Model, definition: Definition, sizeKib: number, number?: number): number {
  const next = number ?? nextVolumeNumber(definition);
  const volume = { number: next, size: sizeKib, minor: model.cluster.takeMinor(), uuid: randomUUID() };
  definition.volumes.push(volume);
  for (const replica of definition.replicas.values()) replica.volumeUuids.set(next, randomUUID());
  return next;
}

function nextVolumeNumber(definition: Definition): number {
  const taken = new Set(definition.volumes.map((volume) => volume.number));
  let number = 0;
  while (taken.has(number)) number += 1;
  return number;
}
