import { CODE, OBJECT, OP } from './codes.js';
import { addVolume } from './definitions.js';
import { findDefinition } from './lookup.js';
import type { Model } from './model.js';
import type { Context, Entry } from './replies.js';
import type { Definition, VolumeDefinition } from './state.js';

export interface VolumeBody {
  volume_definition: { size_kib: number; volume_number?: number };
}

/** LINSTOR's bounds for a volume, KiB. */
const MIN_KIB = 4096;
const MAX_KIB = 1024 ** 4;

function context(operation: bigint, name: string, number?: number): Context {
  const refs = { RscDfn: name, ...(number === undefined ? {} : { VlmNr: String(number) }) };
  return { operation, object: OBJECT.volumeDefinition, refs };
}

/** POST resource-definitions/{rsc}/volume-definitions. @throws ApiError 404; 500 for a bad size or a taken number. */
export function createVolume(model: Model, name: string, body: VolumeBody): Entry[] {
  const definition = findDefinition(model, name, context(OP.create, name));
  const { size_kib: size, volume_number: number } = body.volume_definition;
  checkSize(model, context(OP.create, definition.name), size);
  if (definition.volumes.some((volume) => volume.number === number)) {
    const replies = model.replies(context(OP.create, definition.name, number));
    const message = `A volume definition with the number ${number} already exists in resource definition '${definition.name}'.`;
    throw replies.add('error', CODE.existsVolumeDefinition, message).refusal();
  }
  const added = addVolume(model, definition, size, number);
  const message = `New volume definition with number '${added}' of resource definition '${definition.name}' created.`;
  const replies = model.replies(context(OP.create, definition.name, added));
  return replies.add('success', CODE.created, message).entries;
}

/** @throws ApiError 500 (206) for a size that no volume can have. */
export function checkSize(model: Model, where: Context, size: number): void {
  if (Number.isInteger(size) && size >= MIN_KIB && size <= MAX_KIB) return;
  const message = `The specified volume size is invalid. Volume sizes must be between ${MIN_KIB} and ${MAX_KIB} KiB, found ${size}.`;
  throw model.replies(where).add('error', CODE.invalidVolumeSize, message).refusal();
}

/** @throws ApiError 404 (301, 303). */
export function findVolume(model: Model, name: string, number: string): [Definition, VolumeDefinition] {
  const definition = findDefinition(model, name);
  const volume = definition.volumes.find((candidate) => String(candidate.number) === number);
  if (volume) return [definition, volume];
  const message = `Volume definition with number ${number} of resource definition '${definition.name}' not found.`;
  throw model.replies().plain('error', CODE.notFoundVolumeDefinition, message).refusal();
}

/** PUT .../volume-definitions/{nr}: grows a volume. @throws ApiError 404; 500 when it would shrink. */
export function resizeVolume(model: Model, name: string, number: string, size: number | undefined): Entry[] {
  const [definition, volume] = findVolume(model, name, number);
  const where = context(OP.modify, definition.name, volume.number);
  if (size !== undefined) {
    checkSize(model, where, size);
    if (size < volume.size) {
      const message = `Deployed volumes can only grow in size, not shrink: ${volume.size} KiB now, ${size} KiB asked for.`;
      throw model.replies(where).add('error', CODE.invalidVolumeSize, message).refusal();
    }
    volume.size = size;
  }
  const message = `Volume definition with number '${number}' of resource definition '${definition.name}' modified.`;
  return model.replies(where).add('success', CODE.modified, message).entries;
}

/** DELETE .../volume-definitions/{nr}. No effect on an unknown one; refused while the resource is in use. */
export function deleteVolume(model: Model, name: string, number: string): Entry[] {
  const definition = findDefinition(model, name, context(OP.delete, name));
  const replies = model.replies(context(OP.delete, definition.name, Number(number)));
  const what = `Volume definition with number '${number}' of resource definition '${definition.name}'`;
  const volume = definition.volumes.find((candidate) => String(candidate.number) === number);
  if (volume === undefined) return replies.add('warning', CODE.warnNotFound, `${what} not found.`).entries;
  if ([...definition.replicas.values()].some((replica) => replica.primary)) {
    throw replies.add('error', CODE.inUse, `Resource '${definition.name}' is still in use.`).refusal();
  }
  definition.volumes = definition.volumes.filter((candidate) => candidate !== volume);
  for (const replica of definition.replicas.values()) replica.volumeUuids.delete(volume.number);
  return replies.add('success', CODE.deleted, `${what} deleted.`).entries;
}
