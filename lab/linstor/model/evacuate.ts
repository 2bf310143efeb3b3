import { CODE, OBJECT, OP } from './codes.js';
import { isUpToDate } from './drbd.js';
import { deleteReplica } from './delete-replica.js';
import type { Model } from './model.js';
import { findNode } from './lookup.js';
import { autoplace, type Candidate } from './placement.js';
import { addDisk, addReplica, disklessNodes, reportCreated, reportUndeletable, upToDatePeers } from './replicas.js';
import { ApiError, warnNotConnected, type Entry, type Replies } from './replies.js';
import { isDiskless, keyOf, type Definition, type Replica } from './state.js';
import { manage } from './tie-breaker.js';

export interface EvacuateBody {
  target?: string[];
  do_not_target?: string[];
}

/**
 * PUT nodes/{node}/evacuate. Flags the node and all its replicas first, then deals with each resource by itself, and
 * returns before anything has synced. The flags stay whatever becomes of the resources.
 * @throws ApiError 404 for an unknown node; 500 when a replica that would move to a diskless peer, or just go, is in
 *   use: that is refused after the flags are set, and unmounting doesn't start it; only another PUT does.
 */
export function evacuate(model: Model, name: string, body: EvacuateBody): Entry[] {
  const node = findNode(model, name);
  const allowed = allowedNames(model, body);
  node.flags.add('EVACUATE');
  const replicas = model.cluster.replicasOn(node);
  for (const replica of replicas) {
    replica.flags.add('EVACUATE');
    replica.props['MigrateFrom'] = keyOf(node.name);
  }
  model.announce('node-evacuate', node);
  const answers = replicas.map((replica) => evacuateReplica(model, replica, allowed));
  // Warnings of the search come first, then what each resource's own operation says.
  return [...answers.filter((answer) => answer.skipped), ...answers.filter((answer) => !answer.skipped)].flatMap(
    (answer) => answer.entries,
  );
}

interface Answer {
  entries: Entry[];
  skipped: boolean;
}

function allowedNames(model: Model, { target = [], do_not_target: avoid = [] }: EvacuateBody): string[] {
  if (target.length > 0 && avoid.length > 0) {
    const message = 'Must not use --target and --do-not-target in the same request';
    throw model.replies().plain('error', CODE.invalidConfiguration, message).refusal();
  }
  const names = [...model.cluster.nodes.values()].map((node) => node.name);
  const listed = (list: string[], name: string): boolean => list.some((other) => keyOf(other) === keyOf(name));
  return names.filter((name) => (target.length > 0 ? listed(target, name) : !listed(avoid, name)));
}

/** Deals with one resource. Its refusal is an entry of the answer and keeps no other resource from moving. */
function evacuateReplica(model: Model, replica: Replica, allowed: string[]): Answer {
  const what = `Resource '${replica.definition.name}' cannot be evacuated as`;
  if (!replica.definition.drbd) return skip(model, `${what} it is not a DRBD resource`);
  try {
    if (isDispensable(replica)) return { entries: drop(model, replica).entries, skipped: false };
    const place = findTarget(model, replica.definition, allowed);
    if (place === undefined) return skip(model, `${what} no available storage pool was found`);
    const diskless = replica.definition.replicas.get(keyOf(place.node.name));
    const move = diskless ? toggle(model, replica, diskless, place) : create(model, replica, place);
    return { entries: move.entries, skipped: false };
  } catch (error) {
    if (error instanceof ApiError) return { entries: error.entries, skipped: false };
    throw error;
  }
}

function skip(model: Model, message: string): Answer {
  return { entries: model.replies().plain('warning', CODE.warnNotEvacuating, message).entries, skipped: true };
}

function drop(model: Model, replica: Replica): Replies {
  const refs = { RscDfn: replica.definition.name, Node: replica.node.name };
  const replies = model.replies({ operation: OP.delete, object: OBJECT.resource, refs });
  deleteReplica(model, replies, replica);
  return replies;
}

/**
 * Deleted without a replacement: a diskless one, one known not to be UpToDate, and one beside as many other UpToDate
 * ones as the group asks for. What an offline satellite holds counts as UpToDate.
 */
function isDispensable(replica: Replica): boolean {
  if (isDiskless(replica)) return true;
  if (replica.node.online && !isUpToDate(replica)) return true;
  return upToDatePeers(replica) >= (replica.definition.group.filter.place_count ?? 2);
}

/**
 * A diskless peer that could get a disk; else what the group's filter finds; else one more than there are replicas.
 * An empty list of allowed nodes (targets that don't exist) restricts nothing: so does the real one.
 */
function findTarget(model: Model, definition: Definition, allowed: string[]): Candidate | undefined {
  const filter = definition.group.filter;
  const diskless = disklessNodes(definition).map((node) => node.name);
  const within = diskless.filter((name) => allowed.includes(name));
  const onDiskless = diskless.length > 0 && autoplace(model, { filter, definition, within, ignore: within });
  if (onDiskless) return onDiskless[0];
  const placed = autoplace(model, { filter, definition, within: allowed });
  if (placed) return placed[0];
  const one = { ...filter, place_count: definition.replicas.size };
  return autoplace(model, { filter: one, definition, within: allowed })?.[0];
}

/** The toggle path. Here the controller insists that the old replica is unused. */
function toggle(model: Model, old: Replica, target: Replica, place: Candidate): Replies {
  const { definition, node } = old;
  const refs = { RscDfn: definition.name, Node: target.node.name };
  const replies = model.replies({ operation: OP.modify, object: OBJECT.resource, refs });
  if (old.primary) {
    const refused = model.replies(replies.context);
    reportUndeletable(refused, old);
    for (const entry of refused.entries) entry.details = `Node: ${target.node.name}, Resource: ${definition.name}`;
    throw refused.refusal();
  }
  addDisk(replies, target, place.pool);
  target.props['MigrateFrom'] = keyOf(node.name);
  watch(model, old, target);
  return replies;
}

/** The autoplace path: a new replica, whoever uses the old one. */
function create(model: Model, old: Replica, place: Candidate): Replies {
  const { definition, node } = old;
  const refs = { RscDfn: definition.name };
  const replies = model.replies({ operation: OP.create, object: OBJECT.resource, refs });
  replies.add('success', CODE.created, 'Successfully set property key(s): StorPoolName');
  const target = addReplica(model, definition, place);
  const managed = model.replies(replies.context);
  manage(model, managed, definition);
  reportCreated(replies, target);
  replies.append(managed);
  if (!node.online) warnNotConnected(replies, node.name);
  watch(model, old, target);
  return replies;
}

/** Deletes the old replica in the background later on. Without a connection to its satellite there is no watch. */
function watch(model: Model, old: Replica, target: Replica): void {
  if (old.node.online) model.cluster.migrations.push({ from: old, to: target });
}
