import { randomUUID } from 'node:crypto';
import { CODE, OBJECT, OP } from './codes.js';
import { checkObjectName, findGroup } from './lookup.js';
import type { Model } from './model.js';
import { applyProps, type PropsChange } from './props.js';
import type { Context, Entry } from './replies.js';
import { keyOf, sorted, type Definition, type Props, type ResourceGroup, type SelectFilter } from './state.js';
import { manage } from './tie-breaker.js';

export interface GroupBody {
  name: string;
  description?: string;
  props?: Props;
  select_filter?: SelectFilter;
}

export function groupContext(operation: bigint, name: string): Context {
  return { operation, object: OBJECT.group, refs: { RscGrp: name } };
}

export function definitionsOf(model: Model, group: ResourceGroup): Definition[] {
  return sorted(model.cluster.definitions).filter((definition) => definition.group === group);
}

/** A pool may be given alone or in a list; the controller answers both spellings. */
function completeFilter(filter: SelectFilter): SelectFilter {
  const list = filter.storage_pool_list ?? (filter.storage_pool === undefined ? undefined : [filter.storage_pool]);
  if (list === undefined || list.length === 0) return { ...filter };
  return { ...filter, storage_pool: list[0]!, storage_pool_list: list };
}

/** POST resource-groups. @throws ApiError 500 for a bad name or one that exists. */
export function createGroup(model: Model, body: GroupBody): Entry[] {
  const name = checkObjectName(model, 'resource group', body.name, CODE.invalidGroupName);
  const replies = model.replies(groupContext(OP.create, name));
  if (model.cluster.group(name)) {
    throw replies.add('error', CODE.existsGroup, `Resource group '${name}' already exists.`).refusal();
  }
  const group: ResourceGroup = {
    name,
    uuid: randomUUID(),
    ...(body.description === undefined ? {} : { description: body.description }),
    props: { ...body.props },
    filter: completeFilter(body.select_filter ?? {}),
    volumeGroups: [],
  };
  model.cluster.groups.set(keyOf(name), group);
  const refs = { UUID: group.uuid, RscGrp: name };
  const details = `Resource group '${name}' UUID is: ${group.uuid}`;
  return replies.addAs({ refs }, 'success', CODE.created, `New resource group '${name}' created.`, { details }).entries;
}

/** PUT resource-groups/{g}: tie breakers and quorum of its resources follow. @throws ApiError 404. */
export function modifyGroup(
  model: Model,
  name: string,
  body: PropsChange & Omit<GroupBody, 'name' | 'props'>,
): Entry[] {
  const group = findGroup(model, name, groupContext(OP.modify, name), `Resource group: ${name}`);
  const replies = model.replies(groupContext(OP.create, group.name));
  const keys = Object.keys(body.override_props ?? {});
  applyProps(group.props, body);
  if (keys.length > 0) {
    const message = `Successfully set property key(s): ${keys.join(', ')}`;
    replies.addAs({ object: OBJECT.definition }, 'success', CODE.created, message);
  }
  if (body.description !== undefined) group.description = body.description;
  if (body.select_filter) group.filter = completeFilter({ ...withoutPools(group, body), ...body.select_filter });
  const refs = { UUID: group.uuid, RscGrp: group.name };
  const details = `Resource group '${group.name}' UUID is: ${group.uuid}`;
  replies.addAs({ refs }, 'success', CODE.modified, `Resource group '${group.name}' modified.`, { details });
  for (const definition of definitionsOf(model, group)) manage(model, replies, definition);
  return replies.entries;
}

/** The old pools must not survive a change that names others. */
function withoutPools(group: ResourceGroup, body: { select_filter?: SelectFilter }): SelectFilter {
  const rest = { ...group.filter };
  if (body.select_filter?.storage_pool === undefined && body.select_filter?.storage_pool_list === undefined)
    return rest;
  delete rest.storage_pool;
  delete rest.storage_pool_list;
  return rest;
}

/** DELETE resource-groups/{g}. @throws ApiError 500 while it has resource definitions. */
export function deleteGroup(model: Model, name: string): Entry[] {
  const group = model.cluster.group(name);
  const replies = model.replies(groupContext(OP.delete, group?.name ?? name));
  if (group === undefined) {
    return replies.add('warning', CODE.warnNotFound, `Resource group '${name}' not found.`).entries;
  }
  if (definitionsOf(model, group).length > 0) {
    const message = `Cannot delete resource group '${group.name}', because it has existing resource definitions.`;
    throw replies.add('error', CODE.existsDefinition, message).refusal();
  }
  model.cluster.groups.delete(keyOf(group.name));
  const details = `Resource group '${group.name}' UUID was: ${group.uuid}`;
  return replies.add('success', CODE.deleted, `Resource group '${group.name}' deleted.`, { details }).entries;
}

/** POST resource-groups/{g}/volume-groups. @throws ApiError 404; 500 for a number that is taken. */
export function createVolumeGroup(model: Model, name: string, body: { volume_number?: number }): Entry[] {
  const group = findGroup(model, name, groupContext(OP.create, name), `Resource group: ${name}`);
  const number = body.volume_number ?? group.volumeGroups.length;
  const refs = { RscGrp: group.name, VlmGrp: group.name, VlmNr: String(number) };
  const replies = model.replies({ operation: OP.create, object: OBJECT.volumeGroup, refs });
  if (group.volumeGroups.some((volume) => volume.number === number)) {
    throw replies
      .add('error', CODE.existsVolumeGroup, `Volume group with number '${number}' already exists.`)
      .refusal();
  }
  group.volumeGroups.push({ number, uuid: randomUUID() });
  const message = `New volume group with number '${number}' of resource group '${group.name}' created.`;
  return replies.add('success', CODE.created, message).entries;
}
