import { CODE, OBJECT, OP } from './codes.js';
import { addDefinition, addVolume, layersOf } from './definitions.js';
import { definitionsOf, groupContext } from './groups.js';
import { checkObjectName, findGroup } from './lookup.js';
import type { Model } from './model.js';
import { deployAll, requestFor } from './place.js';
import { autoplace, notEnoughNodes, replicasWanted } from './placement.js';
import type { Context, Entry, Replies } from './replies.js';
import { keyOf, sorted, type Definition, type Props, type ResourceGroup, type SelectFilter } from './state.js';
import { checkSize } from './volumes.js';

export interface SpawnBody {
  resource_definition_name: string;
  /** KiB. */
  volume_sizes?: number[];
  select_filter?: SelectFilter;
  partial?: boolean;
  definitions_only?: boolean;
  resource_definition_props?: Props;
}

/**
 * POST resource-groups/{g}/spawn: a definition with volumes, placed by the group's filter.
 * @throws ApiError 404; 500 for a bad or taken name, a bad size, or too few nodes (nothing is left behind then).
 */
export function spawn(model: Model, name: string, body: SpawnBody): Entry[] {
  const group = findGroup(model, name, groupContext(OP.create, name), `Resource group: ${name}`);
  const resource = checkObjectName(model, 'resource', body.resource_definition_name, CODE.invalidResourceName);
  const refs = { RscDfn: resource, RscGrp: group.name };
  const replies = model.replies({ operation: OP.create, object: OBJECT.group, refs });
  if (model.cluster.definition(resource)) {
    const message = `Resource definition '${resource}' already exists.`;
    throw replies.addAs({ object: OBJECT.definition }, 'error', CODE.existsDefinition, message).refusal();
  }
  const sizes = body.volume_sizes ?? [];
  for (const size of sizes) checkSize(model, replies.context, size);
  checkCount(replies, group, sizes.length, body.partial === true);
  const definition = addDefinition(model, resource, group, layersOf(group));
  Object.assign(definition.props, body.resource_definition_props ?? {});
  for (const size of sizes) addVolume(model, definition, size);
  reportDefinition(replies, definition, group.volumeGroups.length === 0);
  if (body.definitions_only !== true) placeSpawned(model, replies, definition, body.select_filter);
  return replies.entries;
}

/** A group with volume groups wants one size for each, unless the request says that it is partial. */
function checkCount(replies: Replies, group: ResourceGroup, found: number, partial: boolean): void {
  const expected = group.volumeGroups.length;
  if (expected === 0 || expected === found || partial) return;
  const message = `Invalid count of volume sizes to deploy: expected ${expected}, found ${found}.`;
  throw replies.add('error', CODE.invalidVolumeSizes, message).refusal();
}

function reportDefinition(replies: Replies, definition: Definition, partial: boolean): void {
  const { name, uuid } = definition;
  if (partial) {
    const message = "Resource-group doesn't have any volume-groups, automatically assume partial mode.";
    replies.add('info', 0, message);
  }
  for (const { number } of definition.volumes) {
    const refs = { ...replies.context.refs, VlmNr: String(number) };
    const message = `Volume definition with number '${number}' successfully  created in resource definition '${name}'.`;
    replies.addAs({ object: OBJECT.volumeDefinition, refs }, 'success', CODE.created, message);
  }
  const refs = { ...replies.context.refs, UUID: uuid };
  const details = `Resource definition '${name}' UUID is: ${uuid}`;
  const created = `New resource definition '${name}' created.`;
  replies.addAs({ object: OBJECT.definition, refs }, 'success', CODE.created, created, { details });
}

function placeSpawned(model: Model, replies: Replies, definition: Definition, filter: SelectFilter | undefined): void {
  try {
    placeMissing(model, replies, definition, `Resource group: ${definition.group.name}`, filter);
  } catch (error) {
    model.cluster.definitions.delete(keyOf(definition.name));
    throw error;
  }
}

/** Brings a resource up to its group's place count. @throws ApiError 500 (996) when too few nodes fit. */
function placeMissing(
  model: Model,
  replies: Replies,
  definition: Definition,
  scope: string,
  filter?: SelectFilter,
): void {
  const request = requestFor(definition, filter);
  const wanted = replicasWanted(request);
  if (wanted === 0) return;
  const places = autoplace(model, request);
  if (places === undefined) {
    const details = `${notEnoughNodes(request, wanted)}\n\n${scope}`;
    const refused = model.replies(replies.context);
    throw refused.add('error', CODE.notEnoughNodes, 'Not enough available nodes', { details }).refusal();
  }
  deployAll(model, replies, definition, places);
}

/** POST resource-groups/{g}/adjust. @throws ApiError 404; 500 (996) at the first resource that finds too few nodes. */
export function adjustGroup(model: Model, name: string, filter?: SelectFilter): Entry[] {
  const group = findGroup(model, name, groupContext(OP.create, name), `Resource group: ${name}`);
  const replies = model.replies(groupContext(OP.create, group.name));
  for (const definition of definitionsOf(model, group)) {
    placeMissing(model, replies, definition, `Resource group: ${group.name}`, filter);
  }
  return replies.entries;
}

/** POST resource-groups/adjustall. @throws ApiError 500 (996). */
export function adjustAll(model: Model, filter?: SelectFilter): Entry[] {
  const context: Context = { operation: OP.create, object: OBJECT.group };
  const replies = model.replies(context);
  for (const definition of sorted(model.cluster.definitions)) {
    placeMissing(model, replies, definition, 'All resource groups', filter);
  }
  return replies.entries;
}
