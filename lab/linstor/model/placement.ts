import { lvmSizeOf } from './drbd.js';
import type { Model } from './model.js';
import {
  isDiskless,
  keyOf,
  sizeOf,
  type Definition,
  type LinstorNode,
  type Replica,
  type SelectFilter,
  type StoragePool,
} from './state.js';

const NOT_COUNTED = ['EVACUATE', 'EVICTED', 'DELETE'] as const;

export interface Candidate {
  node: LinstorNode;
  pool: StoragePool;
}

export interface Request {
  filter: SelectFilter;
  definition: Definition;
  /** Node names within which to choose; all when absent or empty. */
  within?: string[];
  /** Nodes whose present replica of the resource doesn't count (a diskless one that could get a disk). */
  ignore?: string[];
  /** For a tie breaker: any online node, no storage needed. */
  diskless?: boolean;
}

/**
 * The autoplacer: exactly as many pools as replicas are wanted beyond those that count, or undefined when there are
 * not enough. Replicas and nodes being evacuated or evicted don't count and are no targets. The pool with the most
 * free space is best, then the node's name; the result is ordered by node name, as the real one's is.
 * Source: linstor-server autoplacer/{StorPoolFilter,Selector,SelectionManager}.java.
 */
export function autoplace(model: Model, request: Request): Candidate[] | undefined {
  const wanted = replicasWanted(request);
  if (wanted === 0) return undefined;
  const chosen: Candidate[] = [];
  for (const candidate of candidates(model, request)) {
    if (chosen.length === wanted) break;
    if (fitsProperties(request, chosen, candidate.node)) chosen.push(candidate);
  }
  if (chosen.length < wanted) return undefined;
  return chosen.sort((a, b) => compareNames(a.node, b.node));
}

/** How many replicas the filter asks for beyond the diskful ones that count already. */
export function replicasWanted(request: Request): number {
  const { place_count: count, additional_place_count: additional } = request.filter;
  const diskful = counted(request).filter((replica) => !isDiskless(replica)).length;
  if (request.diskless) return additional ?? 0;
  if (count !== undefined && count > diskful) return count - diskful;
  return additional ?? 0;
}

/** KiB free in a pool; nothing anywhere while the fault evacuation-no-capacity is in force. */
export function freeSpace(model: Model, node: LinstorNode, pool: StoragePool): number {
  if (model.world.noCapacity()) return 0;
  const used = model.cluster
    .replicasOn(node)
    .filter((replica) => replica.pool === pool)
    .reduce((sum, replica) => sum + lvmSizeOf(replica.definition), 0);
  return Math.max(0, pool.capacity - used);
}

/** Replicas that count towards the wanted number. */
function counted({ definition, ignore = [] }: Request): Replica[] {
  const ignored = new Set(ignore.map(keyOf));
  return [...definition.replicas.values()].filter(
    (replica) =>
      !ignored.has(keyOf(replica.node.name)) &&
      NOT_COUNTED.every((flag) => !replica.flags.has(flag)) &&
      !replica.node.flags.has('EVACUATE') &&
      !replica.node.flags.has('EVICTED'),
  );
}

/** Pools that could take a replica, best first. */
function candidates(model: Model, request: Request): Candidate[] {
  const ignored = new Set((request.ignore ?? []).map(keyOf));
  const replicas = [...request.definition.replicas.values()];
  const present = new Set(replicas.map(({ node }) => node).filter((node) => !ignored.has(keyOf(node.name))));
  const fitting = [...model.cluster.nodes.values()]
    .filter((node) => isTarget(model, node, request) && !present.has(node))
    .flatMap((node) => [...node.pools.values()].map((pool) => ({ node, pool })))
    .filter(({ node, pool }) => poolFits(model, request, node, pool));
  const space = new Map(fitting.map(({ node, pool }) => [pool, freeSpace(model, node, pool)]));
  fitting.sort((a, b) => space.get(b.pool)! - space.get(a.pool)! || compareNames(a.node, b.node));
  return fitting.filter(({ node }, index) => fitting.findIndex((other) => other.node === node) === index);
}

function isTarget(model: Model, node: LinstorNode, { filter, within }: Request): boolean {
  if (!node.online || node.flags.size > 0) return false;
  if (node.props['AutoplaceTarget']?.toLowerCase() === 'false') return false;
  if (!namedOrAll(within, node.name) || !namedOrAll(filter.node_name_list, node.name)) return false;
  return !(filter.not_place_with_rsc ?? []).some((name) => model.cluster.replica(name, node.name) !== undefined);
}

function namedOrAll(names: string[] | undefined, name: string): boolean {
  return names === undefined || names.length === 0 || names.some((other) => keyOf(other) === keyOf(name));
}

function poolFits(model: Model, request: Request, node: LinstorNode, pool: StoragePool): boolean {
  if (request.diskless) return pool.kind === 'DISKLESS';
  if (pool.kind === 'DISKLESS' || !namedOrAll(poolNames(request.filter), pool.name)) return false;
  return freeSpace(model, node, pool) >= lvmSizeOf(request.definition);
}

/** The pools a filter names, in either of its two spellings. */
export function poolNames(filter: SelectFilter): string[] | undefined {
  return filter.storage_pool_list ?? (filter.storage_pool === undefined ? undefined : [filter.storage_pool]);
}

/** replicas_on_same and replicas_on_different: node properties that replicas must share, or must not share. */
function fitsProperties(request: Request, chosen: Candidate[], node: LinstorNode): boolean {
  const others = [...counted(request).map((replica) => replica.node), ...chosen.map((candidate) => candidate.node)];
  const same = (request.filter.replicas_on_same ?? []).every((property) => {
    const [key = '', fixed] = property.split('=', 2);
    const value = node.props[key];
    return value !== undefined && value === (fixed ?? others[0]?.props[key] ?? value);
  });
  const different = (request.filter.replicas_on_different ?? []).every((property) => {
    const [key = '', prohibited] = property.split('=', 2);
    const value = node.props[key];
    return value === undefined || (value !== prohibited && others.every((other) => other.props[key] !== value));
  });
  return same && different;
}

function compareNames(a: LinstorNode, b: LinstorNode): number {
  return keyOf(a.name) < keyOf(b.name) ? -1 : 1;
}

/** Details of error 996, in the controller's words. */
export function notEnoughNodes(request: Request, needed: number): string {
  const pools = poolNames(request.filter);
  const count = request.filter.place_count ?? 0;
  const sizeKib = sizeOf(request.definition);
  return [
    'Not enough nodes fulfilling the following auto-place criteria:',
    ...(pools ? [` * has a deployed storage pool named [${pools.join(', ')}]`] : []),
    ...(pools ? [` * the storage pools have to have at least '${sizeKib}' free space`] : []),
    ' * the current access context has enough privileges to use the node and the storage pool',
    ' * the node is online',
    '',
    'Auto-place configuration details:',
    `   Replica count: ${count}`,
    `   Additional replica count: ${needed}`,
    ...(pools ? ['   Storage pool name:', ...pools.map((pool) => `      ${pool}`)] : []),
    '   Do not place with resource:',
    `      ${request.definition.name}`,
  ].join('\n');
}
