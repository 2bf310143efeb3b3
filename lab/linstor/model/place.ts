import { CODE, OBJECT, OP } from './codes.js';
import { findDefinition } from './lookup.js';
import type { Model } from './model.js';
import { autoplace, notEnoughNodes, replicasWanted, type Candidate, type Request } from './placement.js';
import { addDisk, addReplica, disklessNodes, reportDeployed } from './replicas.js';
import type { Entry, Replies } from './replies.js';
import { isDiskless, keyOf, sorted, type Definition, type Replica, type SelectFilter } from './state.js';
import { manage } from './tie-breaker.js';

export interface AutoplaceBody {
  select_filter?: SelectFilter;
}

/** POST resource-definitions/{rsc}/autoplace. @throws ApiError 404; 500 (996) when too few nodes fit. */
export function autoplaceDefinition(model: Model, name: string, body: AutoplaceBody): Entry[] {
  const context = { operation: OP.create, object: OBJECT.resource, refs: { RscDfn: name } };
  const definition = findDefinition(model, name, context, `Auto-placing resource: ${name}`);
  const replies = model.replies({ ...context, refs: { RscDfn: definition.name } });
  const request = requestFor(definition, body.select_filter);
  if (replicasWanted(request) === 0) return alreadyPlaced(replies, definition);
  const places = autoplace(model, request);
  if (places === undefined) {
    const where = `   Diskless on remaining: false\n\nAuto-placing resource: ${definition.name}`;
    const details = `${notEnoughNodes(request, replicasWanted(request))}\n${where}`;
    throw replies.add('error', CODE.notEnoughNodes, 'Not enough available nodes', { details }).refusal();
  }
  deployAll(model, replies, definition, places);
  return replies.entries;
}

/** What autoplace and adjust ask for: diskless replicas don't stand in the way, they get a disk. */
export function requestFor(definition: Definition, filter: SelectFilter = {}): Request {
  const ignore = disklessNodes(definition).map((node) => node.name);
  return { filter: { ...definition.group.filter, ...filter }, definition, ignore };
}

function alreadyPlaced(replies: Replies, definition: Definition): Entry[] {
  const nodes = sorted(definition.replicas).filter((replica) => !isDiskless(replica));
  const names = nodes.map((replica) => `'${replica.node.name}'`).join(', ');
  const message = `Resource '${definition.name}' was already deployed on ${nodes.length} nodes: ${names}. Skipping.`;
  return replies.add('warning', CODE.warnAlreadyDeployed, message).entries;
}

/** Creates replicas at the chosen places; a diskless replica there gets a disk instead. Then tie breaker and quorum. */
export function deployAll(model: Model, replies: Replies, definition: Definition, places: Candidate[]): void {
  const property = 'Successfully set property key(s): StorPoolName';
  const resource = { object: OBJECT.resource };
  places.forEach(() => replies.addAs(resource, 'success', CODE.created, property));
  reportPlaces(replies, definition, places);
  const deployed: Replica[] = [];
  for (const place of places) {
    const present = definition.replicas.get(keyOf(place.node.name));
    if (present) addDisk(replies, present, place.pool);
    else deployed.push(addReplica(model, definition, place));
  }
  manage(model, replies, definition);
  reportDeployed(replies, deployed, { details: `Auto-placing resource: ${definition.name}` });
}

function reportPlaces(replies: Replies, definition: Definition, places: Candidate[]): void {
  const used = places.map(({ node, pool }) => `'${node.name} (${pool.name})'`).join(', ');
  const refs: Record<string, string> = { ...replies.context.refs };
  for (const [index, { node, pool }] of places.entries()) {
    refs[`Node/${index}`] = node.name;
    refs[`StoragePool/${index}/0`] = `${pool.name},${pool.kind}`;
  }
  const message = `Resource '${definition.name}' successfully autoplaced on ${places.length} nodes`;
  const details = `Used nodes (storage pool name): ${used}`;
  replies.addAs({ refs }, 'success', CODE.created, message, { details });
}
