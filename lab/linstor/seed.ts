import { addDefinition, addVolume, layersOf } from './model/definitions.js';
import { createGroup } from './model/groups.js';
import { addReplica } from './model/replicas.js';
import { isDiskless, keyOf, NODE_POOL, type Definition, type LinstorNode } from './model/state.js';
import { autoplace } from './model/placement.js';
import { manage } from './model/tie-breaker.js';
import { completeSync } from './model/sync.js';
import type { LinstorController } from './controller.js';

/** One resource that a lab starts out with. */
export interface ResourceSpec {
  /** pvc-<uuid>, as Piraeus' CSI driver names them. */
  name: string;
  sizeGib: number;
  placeCount: 2 | 3;
  /** Nodes with a disk; chosen by free space when absent. */
  nodes?: string[];
}

const KIB_PER_GIB = 1024 * 1024;

/**
 * Puts resources into the controller as if they had been provisioned and synced long ago: UpToDate at once, with tie
 * breakers, in the groups sc-r2 and sc-r3 over the pool lvm-thick. Resources that exist already are left alone.
 * @throws RangeError when a named node is not online, or the free nodes don't suffice; nothing is changed then.
 */
export function seedResources(controller: LinstorController, specs: ResourceSpec[]): void {
  controller.change(() => {
    const missing = specs.filter((spec) => controller.model.cluster.definition(spec.name) === undefined);
    const placed = missing.map((spec) => ({ spec, nodes: (spec.nodes ?? []).map((name) => online(controller, name)) }));
    for (const { spec, nodes } of placed) seed(controller, spec, nodes);
  });
}

function online(controller: LinstorController, name: string): LinstorNode {
  const node = controller.model.cluster.node(name);
  if (node?.online === true) return node;
  const found = node ? 'it OFFLINE' : 'no such node';
  throw new RangeError(`seed: expected LINSTOR node '${name}' ONLINE, found ${found}; wait for its satellite first`);
}

function seed({ model }: LinstorController, spec: ResourceSpec, nodes: LinstorNode[]): void {
  const name = `sc-r${spec.placeCount}`;
  const filter = { place_count: spec.placeCount, storage_pool: NODE_POOL };
  if (!model.cluster.group(name)) createGroup(model, { name, select_filter: filter });
  const group = model.cluster.group(name)!;
  const definition = addDefinition(model, spec.name, group, layersOf(group));
  addVolume(model, definition, spec.sizeGib * KIB_PER_GIB);
  for (const node of nodes) addReplica(model, definition, { node, pool: node.pools.get(keyOf(NODE_POOL))! });
  const places = nodes.length < spec.placeCount ? autoplace(model, { filter: group.filter, definition }) : [];
  if (places === undefined) {
    throw new RangeError(`seed: expected room for ${spec.placeCount} replicas of '${spec.name}', found too few nodes`);
  }
  for (const place of places) addReplica(model, definition, place);
  markSynced(definition);
  manage(model, model.replies(), definition);
}

function markSynced(definition: Definition): void {
  for (const replica of definition.replicas.values()) if (!isDiskless(replica)) completeSync(replica);
}
