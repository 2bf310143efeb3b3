import { createDefinition, deleteDefinition, modifyDefinition, type DefinitionBody } from '../model/definitions.js';
import { evacuate, type EvacuateBody } from '../model/evacuate.js';
import { evict } from '../model/evict.js';
import { createGroup, createVolumeGroup, deleteGroup, modifyGroup, type GroupBody } from '../model/groups.js';
import { createNode, deleteNode, loseNode, modifyNode, reconnectNode, type NodeBody } from '../model/nodes.js';
import { autoplaceDefinition, type AutoplaceBody } from '../model/place.js';
import { deleteControllerProperty, setControllerProperties } from '../model/controller-properties.js';
import type { PropsChange } from '../model/props.js';
import { createResource, deleteResource, type ResourceBody } from '../model/resources.js';
import { restore, type RestoreBody } from '../model/restore.js';
import { adjustAll, adjustGroup, spawn, type SpawnBody } from '../model/spawn.js';
import type { SelectFilter } from '../model/state.js';
import { createVolume, deleteVolume, resizeVolume, type VolumeBody } from '../model/volumes.js';
import type { Shape } from './body.js';
import type { Call, WriteRoute } from './route.js';
import * as shapes from './shapes.js';

type Write = WriteRoute['write'];

function post(path: string, status: 200 | 201, body: Shape, write: Write, slow = false): WriteRoute {
  return { method: 'POST', path, status, body, write, slow };
}

function put(path: string, body: Shape, write: Write, slow = false): WriteRoute {
  return { method: 'PUT', path, status: 200, body, write, slow };
}

function remove(path: string, write: Write): WriteRoute {
  return { method: 'DELETE', path, status: 200, body: shapes.NOTHING, write };
}

const node = (call: Call): string => call.path['node']!;
const rsc = (call: Call): string => call.path['rsc']!;
const group = (call: Call): string => call.path['group']!;
const volume = (call: Call): string => call.path['volume']!;

const NODE_WRITES: WriteRoute[] = [
  post('/v1/nodes', 201, shapes.NODE, createNodeOf),
  put('/v1/nodes/{node}', shapes.NODE_MODIFY, (call) => modifyNode(call.model, node(call), call.body as PropsChange)),
  remove('/v1/nodes/{node}', (call) => deleteNode(call.model, node(call))),
  remove('/v1/nodes/{node}/lost', (call) => loseNode(call.model, node(call))),
  put('/v1/nodes/{node}/evacuate', shapes.EVACUATE, evacuateNode, true),
  put('/v1/nodes/{node}/restore', shapes.RESTORE, restoreNode, true),
  put('/v1/nodes/{node}/evict', shapes.NOTHING, (call) => evict(call.model, node(call))),
  put('/v1/nodes/{node}/reconnect', shapes.NOTHING, (call) => reconnectNode(call.model, node(call))),
];

function createNodeOf({ controller, model, body }: Call): ReturnType<Write> {
  const node = body as NodeBody;
  return createNode(model, node, controller.answers(node.name));
}

function evacuateNode(call: Call): ReturnType<Write> {
  return evacuate(call.model, node(call), call.body as EvacuateBody);
}

function restoreNode(call: Call): ReturnType<Write> {
  return restore(call.model, node(call), call.body as RestoreBody);
}

const DEFINITION = '/v1/resource-definitions/{rsc}';

const DEFINITION_WRITES: WriteRoute[] = [
  post('/v1/resource-definitions', 201, shapes.DEFINITION, ({ model, body }) =>
    createDefinition(model, body as DefinitionBody),
  ),
  put(DEFINITION, shapes.DEFINITION_MODIFY, (call) =>
    modifyDefinition(call.model, rsc(call), call.body as Parameters<typeof modifyDefinition>[2]),
  ),
  remove(DEFINITION, (call) => deleteDefinition(call.model, rsc(call))),
  post(`${DEFINITION}/autoplace`, 201, shapes.AUTOPLACE, (call) =>
    autoplaceDefinition(call.model, rsc(call), call.body as AutoplaceBody),
  ),
  // 200 and not 201, unlike every other POST.
  post(`${DEFINITION}/volume-definitions`, 200, shapes.VOLUME, (call) =>
    createVolume(call.model, rsc(call), call.body as VolumeBody),
  ),
  put(`${DEFINITION}/volume-definitions/{volume}`, shapes.VOLUME_MODIFY, (call) =>
    resizeVolume(call.model, rsc(call), volume(call), (call.body as { size_kib?: number }).size_kib),
  ),
  remove(`${DEFINITION}/volume-definitions/{volume}`, (call) => deleteVolume(call.model, rsc(call), volume(call))),
  post(`${DEFINITION}/resources/{node}`, 201, shapes.RESOURCE, (call) =>
    createResource(call.model, rsc(call), node(call), call.body as ResourceBody),
  ),
  remove(`${DEFINITION}/resources/{node}`, (call) => {
    const keep = call.query.get('keep_tiebreaker')?.toLowerCase() === 'true';
    return deleteResource(call.model, rsc(call), node(call), keep);
  }),
];

const GROUP = '/v1/resource-groups/{group}';

const GROUP_WRITES: WriteRoute[] = [
  post('/v1/resource-groups', 201, shapes.GROUP, ({ model, body }) => createGroup(model, body as GroupBody)),
  post('/v1/resource-groups/adjustall', 200, shapes.ADJUST, ({ model, body }) => adjustAll(model, filterOf(body))),
  put(GROUP, shapes.GROUP_MODIFY, (call) =>
    modifyGroup(call.model, group(call), call.body as Parameters<typeof modifyGroup>[2]),
  ),
  remove(GROUP, (call) => deleteGroup(call.model, group(call))),
  post(`${GROUP}/volume-groups`, 201, shapes.VOLUME_GROUP, (call) =>
    createVolumeGroup(call.model, group(call), call.body as { volume_number?: number }),
  ),
  post(`${GROUP}/spawn`, 201, shapes.SPAWN, (call) => spawn(call.model, group(call), call.body as SpawnBody)),
  post(`${GROUP}/adjust`, 200, shapes.ADJUST, (call) => adjustGroup(call.model, group(call), filterOf(call.body))),
];

function filterOf(body: unknown): SelectFilter | undefined {
  return (body as { select_filter?: SelectFilter }).select_filter;
}

const PROPERTY_WRITES: WriteRoute[] = [
  post('/v1/controller/properties', 201, shapes.PROPERTIES, ({ model, body }) =>
    setControllerProperties(model, body as PropsChange),
  ),
  remove('/v1/controller/properties/{key+}', ({ model, path }) => deleteControllerProperty(model, path['key']!)),
];

export const WRITES: WriteRoute[] = [...NODE_WRITES, ...DEFINITION_WRITES, ...GROUP_WRITES, ...PROPERTY_WRITES];
