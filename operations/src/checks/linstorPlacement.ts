import type { Linstor } from '../clients/linstor.js';
import type {
  LinstorDefinition,
  LinstorGroup,
  LinstorNode,
  LinstorPool,
  LinstorResource,
} from '../clients/linstorTypes.js';
import { guardedReplicas, hasFlag, isDiskful, isDrbd, isUpToDate, sameName, sizeOf } from './linstorRules.js';

/** One look at everything that decides where replicas can go. */
export interface LinstorView {
  nodes: LinstorNode[];
  resources: LinstorResource[];
  pools: LinstorPool[];
  groups: LinstorGroup[];
  definitions: LinstorDefinition[];
}

export async function readView(linstor: Linstor): Promise<LinstorView> {
  const [nodes, resources, pools, groups, definitions] = await Promise.all([
    linstor.nodes(),
    linstor.resources(),
    linstor.pools(),
    linstor.groups(),
    linstor.definitions(),
  ]);
  return { nodes, resources, pools, groups, definitions };
}

interface Room {
  node: string;
  pool: string;
  bytes: number;
}

/**
 * Why the guarded replicas of a node could not all move elsewhere, each reason in words; empty when they can. An
 * estimate, largest replica first into the emptiest pool: LINSTOR itself places them, and its refusals are heeded too.
 * @param apart nodes that are to take none of them.
 */
export function placementProblems(
  view: LinstorView,
  node: string,
  pool: string,
  apart: readonly string[] = [],
): string[] {
  return placementTogether(view, [node], pool, apart);
}

/** The same of several nodes at once, whose replicas need room beside each other. */
export function placementTogether(
  view: LinstorView,
  nodes: readonly string[],
  pool: string,
  apart: readonly string[] = [],
): string[] {
  const rooms = openRooms(view, [...nodes, ...apart]);
  const replicas = nodes.flatMap((node) => guardedReplicas(view.resources, node, pool));
  replicas.sort((a, b) => sizeOf(b) - sizeOf(a));
  return replicas.flatMap((replica) => placeOne(view, replica, rooms));
}

function placeOne(view: LinstorView, replica: LinstorResource, rooms: Room[]): string[] {
  const group = groupOf(view, replica.name);
  if (!group) return [`${replica.name}: its resource group is unknown`];
  const copies = view.resources.filter((other) => sameName(other.name, replica.name) && isDiskful(other));
  const others = copies.filter((copy) => copy !== replica);
  // LINSTOR just deletes a surplus replica.
  if (others.filter(isUpToDate).length >= (group.select_filter?.place_count ?? 1)) return [];
  if (!isDrbd(replica)) return [`${replica.name}: not replicated by DRBD, so LINSTOR cannot move it`];
  const wanted = group.select_filter?.storage_pool_list ?? [];
  const fits = rooms
    .filter((room) => wanted.length === 0 || wanted.some((name) => sameName(name, room.pool)))
    .filter((room) => !others.some((copy) => sameName(copy.node_name, room.node)))
    .sort((a, b) => b.bytes - a.bytes)[0];
  const size = sizeOf(replica);
  if (!fits) return [`${replica.name}: no other node may take a replica`];
  if (fits.bytes < size)
    return [
      `${replica.name}: needs ${gib(size)}, the emptiest pool (${fits.pool} on ${fits.node}) has ${gib(fits.bytes)}`,
    ];
  fits.bytes -= size;
  return [];
}

function openRooms({ nodes, pools }: LinstorView, closed: readonly string[]): Room[] {
  const usable = (name: string): boolean =>
    nodes.some(
      (node) =>
        sameName(node.name, name) &&
        node.connection_status === 'ONLINE' &&
        !hasFlag(node, 'EVACUATE', 'EVICTED', 'DELETE'),
    );
  const isOpen = (name: string): boolean => !closed.some((other) => sameName(other, name));
  return pools
    .filter((pool) => pool.provider_kind !== 'DISKLESS' && isOpen(pool.node_name) && usable(pool.node_name))
    .map((pool) => ({ node: pool.node_name, pool: pool.storage_pool_name, bytes: (pool.free_capacity ?? 0) * 1024 }));
}

/** How many diskful replicas a resource shall have; undefined when that is not known. */
export function wantedPlaces(view: LinstorView, resource: string): number | undefined {
  return groupOf(view, resource)?.select_filter?.place_count;
}

function groupOf({ groups, definitions }: LinstorView, resource: string): LinstorGroup | undefined {
  const definition = definitions.find((candidate) => sameName(candidate.name, resource));
  return groups.find(
    (group) => definition?.resource_group_name !== undefined && sameName(group.name, definition.resource_group_name),
  );
}

export function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
