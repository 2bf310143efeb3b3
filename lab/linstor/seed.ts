import { addDefinition, addVolume, layersOf } from './model/definitions.js';
import { lvmSizeOf } from './model/drbd.js';
import { createGroup } from './model/groups.js';
import type { Model } from './model/model.js';
import { autoplace, freeSpace, type Candidate } from './model/placement.js';
import { addReplica } from './model/replicas.js';
import { isDiskless, keyOf, NODE_POOL, type Definition } from './model/state.js';
import { completeSync } from './model/sync.js';
import { manage } from './model/tie-breaker.js';
import type { LinstorController } from './controller.js';

/** One resource that a lab starts out with. */
export interface ResourceSpec {
  /** pvc-<uuid>, as Piraeus' CSI driver names them. */
  name: string;
  sizeGib: number;
  placeCount: 2 | 3;
  /** Nodes with a disk; those that are missing to the place count are chosen by free space. */
  nodes?: string[];
}

const KIB_PER_GIB = 1024 * 1024;

/**
 * Puts resources into the controller as if they had been provisioned and synced long ago: UpToDate at once, with tie
 * breakers, in the groups sc-r2 and sc-r3 over the pool lvm-thick. Resources that exist already are left alone.
 * @throws RangeError naming the first resource that can't be placed, and why; those before it stay.
 */
export function seedResources(controller: LinstorController, specs: ResourceSpec[]): void {
  controller.change(() => {
    for (const spec of specs) if (!controller.model.cluster.definition(spec.name)) seed(controller.model, spec);
  });
}

function seed(model: Model, spec: ResourceSpec): void {
  const name = `sc-r${spec.placeCount}`;
  const filter = { place_count: spec.placeCount, storage_pool: NODE_POOL };
  if (!model.cluster.group(name)) createGroup(model, { name, select_filter: filter });
  const group = model.cluster.group(name)!;
  const definition = addDefinition(model, spec.name, group, layersOf(group));
  addVolume(model, definition, spec.sizeGib * KIB_PER_GIB);
  try {
    for (const node of spec.nodes ?? []) addReplica(model, definition, named(model, definition, node));
    for (const place of missing(model, definition, spec)) addReplica(model, definition, place);
  } catch (error) {
    for (const replica of definition.replicas.values()) model.forget(replica);
    model.cluster.definitions.delete(keyOf(spec.name));
    throw error;
  }
  for (const replica of definition.replicas.values()) if (!isDiskless(replica)) completeSync(replica);
  manage(model, model.replies(), definition);
}

function named(model: Model, definition: Definition, name: string): Candidate {
  const node = model.cluster.node(name);
  const pool = node?.pools.get(keyOf(NODE_POOL));
  const expected = `seed '${definition.name}': expected LINSTOR node '${name}' ONLINE with room in ${NODE_POOL}`;
  if (!node?.online || !pool) throw new RangeError(`${expected}, found ${node ? 'it OFFLINE' : 'no such node'}`);
  const [free, needed] = [freeSpace(model, node, pool), lvmSizeOf(definition)];
  if (free < needed) throw new RangeError(`${expected}, found ${free} KiB free of ${needed} KiB needed`);
  return { node, pool };
}

function missing(model: Model, definition: Definition, spec: ResourceSpec): Candidate[] {
  if (definition.replicas.size >= spec.placeCount) return [];
  const places = autoplace(model, { filter: definition.group.filter, definition });
  if (places) return places;
  throw new RangeError(
    `seed '${spec.name}': expected room for ${spec.placeCount} replicas of ${spec.sizeGib} GiB, found too few nodes; ` +
      'bring more satellites up or make the data disks larger',
  );
}
