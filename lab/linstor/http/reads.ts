import { CODE } from '../model/codes.js';
import { findDefinition, findNode, findReplica } from '../model/lookup.js';
import type { Model } from '../model/model.js';
import { keyOf, sorted, type LinstorNode } from '../model/state.js';
import { findVolume } from '../model/volumes.js';
import { cut, knownNodes, matchesProps, nameFilter, nodeFilter, readPage } from './query.js';
import { resourceView } from './resource-view.js';
import { get, type Call, type ReadRoute } from './route.js';
import { definitionView, groupView, nodeView, poolView, sortedProps, VERSION, volumeView } from './views.js';

export const READS: ReadRoute[] = [
  get('/v1/controller/version', () => VERSION),
  get('/v1/controller/properties', ({ model }) => sortedProps(model.cluster.props)),
  get('/v1/nodes', listNodes),
  get('/v1/nodes/{node}', ({ model, path }) => nodeView(model, foundNode(model, path['node']!))),
  get('/v1/nodes/{node}/storage-pools', listNodePools),
  get('/v1/view/resources', viewResources),
  get('/v1/view/storage-pools', viewPools),
  get('/v1/resource-definitions', listDefinitions),
  get('/v1/resource-definitions/{rsc}', ({ model, path }) => {
    const definition = model.cluster.definition(path['rsc']!);
    return definition
      ? definitionView(definition, false)
      : missing(model, 'Resource definition', path['rsc']!, CODE.notFoundDefinition);
  }),
  get('/v1/resource-definitions/{rsc}/volume-definitions', ({ model, path }) => {
    const definition = findDefinition(model, path['rsc']!);
    return definition.volumes.map((volume) => volumeView(definition, volume));
  }),
  get('/v1/resource-definitions/{rsc}/volume-definitions/{volume}', ({ model, path }) =>
    volumeView(...findVolume(model, path['rsc']!, path['volume']!)),
  ),
  get('/v1/resource-definitions/{rsc}/resources', ({ model, path, query }) => {
    const replicas = sorted(findDefinition(model, path['rsc']!).replicas);
    return cut(replicas, readPage(model, query)).map((replica) => resourceView(model, replica, false));
  }),
  get('/v1/resource-definitions/{rsc}/resources/{node}', ({ model, path }) => {
    const definition = findDefinition(model, path['rsc']!);
    return resourceView(model, findReplica(model, definition, path['node']!), false);
  }),
  // Connections have no settings of their own until somebody gives them some, which the lab offers no way to.
  get('/v1/resource-definitions/{rsc}/resource-connections', ({ model, path }) => {
    findDefinition(model, path['rsc']!);
    return [];
  }),
  get('/v1/resource-groups', listGroups),
  get('/v1/resource-groups/{group}', ({ model, path }) => {
    const group = model.cluster.group(path['group']!);
    return group ? groupView(group) : missing(model, 'Resource group', path['group']!, CODE.notFoundGroup);
  }),
];

/** A lookup's 404: without cause and correction, other than an operation's. */
function missing(model: Model, what: string, name: string, code: number): never {
  throw model.replies().plain('error', code, `${what} '${name}' not found.`).refusal();
}

function foundNode(model: Model, name: string): LinstorNode {
  return model.cluster.node(name) ?? missing(model, 'Node', name, CODE.notFoundNode);
}

function listNodes({ model, query }: Call): object[] {
  const page = readPage(model, query);
  const filter = nodeFilter(model, query);
  const nodes = sorted(model.cluster.nodes).filter(
    (node) => (filter?.has(keyOf(node.name)) ?? true) && matchesProps(node.props, query),
  );
  return cut(nodes, page).map((node) => nodeView(model, node));
}

function listNodePools({ model, path, query }: Call): object[] {
  const page = readPage(model, query);
  const node = findNode(model, path['node']!);
  return cut(sorted(node.pools), page).map((pool) => poolView(model, node, pool));
}

/** Unknown nodes are a 404 here (the satellites are asked), unknown resources and pools match nothing. */
function viewResources({ model, query }: Call): object[] {
  const page = readPage(model, query);
  const nodes = knownNodes(model, query);
  const resources = nameFilter(model, query, 'resources', 'resource', CODE.invalidResourceName);
  const pools = nameFilter(model, query, 'storage_pools', 'storage pool', CODE.invalidStoragePoolName);
  const replicas = model.cluster
    .replicas()
    .filter(
      (replica) =>
        replica.definition.volumes.length > 0 &&
        (nodes?.includes(replica.node) ?? true) &&
        (resources?.has(keyOf(replica.definition.name)) ?? true) &&
        (pools?.has(keyOf(replica.pool.name)) ?? true) &&
        matchesProps(replica.props, query),
    );
  return cut(replicas, page).map((replica) => resourceView(model, replica));
}

function viewPools({ model, query }: Call): object[] {
  const page = readPage(model, query);
  const cached = query.get('cached')?.toLowerCase() === 'true';
  const nodes = cached ? nodeFilter(model, query) : names(knownNodes(model, query));
  const pools = nameFilter(model, query, 'storage_pools', 'storage pool', CODE.invalidStoragePoolName);
  const all = sorted(model.cluster.nodes).flatMap((node) => sorted(node.pools).map((pool) => ({ node, pool })));
  const chosen = all.filter(
    ({ node, pool }) =>
      (nodes?.has(keyOf(node.name)) ?? true) &&
      (pools?.has(keyOf(pool.name)) ?? true) &&
      matchesProps(pool.props, query),
  );
  // By pool, then by node.
  chosen.sort((a, b) =>
    keyOf(a.pool.name) < keyOf(b.pool.name) ? -1 : Number(keyOf(a.pool.name) > keyOf(b.pool.name)),
  );
  return cut(chosen, page).map(({ node, pool }) => poolView(model, node, pool));
}

function names(nodes: LinstorNode[] | undefined): Set<string> | undefined {
  return nodes && new Set(nodes.map((node) => keyOf(node.name)));
}

function listDefinitions({ model, query }: Call): object[] {
  const page = readPage(model, query);
  const wanted = nameFilter(model, query, 'resource_definitions', 'resource', CODE.invalidResourceName);
  const withVolumes = query.get('with_volume_definitions')?.toLowerCase() === 'true';
  const definitions = sorted(model.cluster.definitions).filter(
    (definition) => (wanted?.has(keyOf(definition.name)) ?? true) && matchesProps(definition.props, query),
  );
  return cut(definitions, page).map((definition) => definitionView(definition, withVolumes));
}

function listGroups({ model, query }: Call): object[] {
  const page = readPage(model, query);
  const wanted = nameFilter(model, query, 'resource_groups', 'resource group', CODE.invalidGroupName);
  const groups = sorted(model.cluster.groups).filter(
    (group) => (wanted?.has(keyOf(group.name)) ?? true) && matchesProps(group.props, query),
  );
  return cut(groups, page).map(groupView);
}
