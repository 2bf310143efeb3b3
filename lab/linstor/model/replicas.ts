import { randomUUID } from 'node:crypto';
import { CODE, OBJECT, OP } from './codes.js';
import { isRunning, isUpToDate, peersOf } from './drbd.js';
import type { Model } from './model.js';
import type { Candidate } from './placement.js';
import { warnNotConnected, type Context, type Replies } from './replies.js';
import { adjusted } from './satellites.js';
import {
  isDiskless,
  keyOf,
  sizeOf,
  sorted,
  type Definition,
  type LinstorNode,
  type Replica,
  type ReplicaFlag,
  type StoragePool,
} from './state.js';
import { completeSync, invalidate } from './sync.js';

/**
 * Puts a replica on a node. The first diskful one of a resource is UpToDate at once; every later one lacks everything
 * until it has synced from an UpToDate peer.
 */
export function addReplica(
  model: Model,
  definition: Definition,
  { node, pool }: Candidate,
  flags: ReplicaFlag[] = [],
): Replica {
  const replica: Replica = {
    node,
    definition,
    uuid: randomUUID(),
    volumeUuids: new Map(definition.volumes.map((volume) => [volume.number, randomUUID()])),
    flags: new Set(flags),
    props: { StorPoolName: pool.name },
    pool,
    createdAt: model.world.now(),
    nodeId: freeNodeId(definition),
    layerFlags: flags.includes('DISKLESS') ? ['DISKLESS', 'INITIALIZED'] : ['INITIALIZED'],
    disk: flags.includes('DISKLESS') ? 'Diskless' : 'UpToDate',
    missing: 0,
    total: 0,
    primary: false,
    broken: false,
    stalePeers: new Set(),
  };
  const others = [...definition.replicas.values()].filter((other) => !isDiskless(other));
  if (definition.drbd && replica.disk === 'UpToDate' && others.length > 0) invalidate(replica, sizeOf(definition));
  for (const other of definition.replicas.values()) other.stalePeers.delete(node.name);
  definition.replicas.set(keyOf(node.name), replica);
  return replica;
}

function freeNodeId(definition: Definition): number {
  const taken = new Set([...definition.replicas.values()].map((replica) => replica.nodeId));
  let id = 0;
  while (taken.has(id)) id += 1;
  return id;
}

/** What the last entry of a deployment says. */
export interface Ready {
  details: string;
  /** When it is about something else than the answer it stands in. */
  context?: Context;
}

/** The answers of creating one replica on request: registered, peers told, created, ready. */
export function reportCreated(replies: Replies, replica: Replica): void {
  const { definition, node } = replica;
  const refs = { ...replies.context.refs, UUID: replica.uuid };
  const what = `resource '${definition.name}' on node '${node.name}'`;
  const details = `R${what.slice(1)} UUID is: ${replica.uuid}`;
  replies.addAs({ refs }, 'success', CODE.created, `New ${what} registered.`, { details });
  for (const [number, uuid] of replica.volumeUuids) {
    const volumeRefs = { ...replies.context.refs, VlmNr: String(number), Node: node.name };
    const message = `Volume with number '${number}' on ${what} successfully registered`;
    const extras = { details: `Volume UUID is: ${uuid}` };
    replies.addAs({ object: OBJECT.volume, refs: volumeRefs }, 'success', CODE.created, message, extras);
  }
  reportDeployed(replies, [replica], { details: `Node(s): '${node.name}', Resource: '${definition.name}'` });
}

/** What the satellites say when replicas of one resource appear together: those that were there already first. */
export function reportDeployed(replies: Replies, added: Replica[], ready: Ready): void {
  const [first] = added;
  if (first === undefined) return;
  const { name, drbd, replicas } = first.definition;
  const nodes = added.map((replica) => `'${replica.node.name}'`).join(', ');
  for (const peer of sorted(replicas).filter((replica) => !added.includes(replica) && isRunning(replica))) {
    adjusted(replies, peer, 'resized');
    const message = `Added peer(s) ${nodes} to resource '${name}' on '${peer.node.name}'`;
    replies.add('success', CODE.modified, message);
  }
  for (const replica of added.filter(isRunning)) {
    adjusted(replies, replica, 'created');
    replies.add('success', CODE.modified, `Created resource '${name}' on '${replica.node.name}'`);
  }
  // Nothing waits for a resource without peers to become ready.
  for (const { node } of added.filter(() => drbd && replicas.size > 1)) {
    const extras = { details: ready.details };
    replies.addAs(ready.context ?? {}, 'success', CODE.created, `Resource '${name}' on '${node.name}' ready`, extras);
  }
}

/** Gives a diskless replica a disk (toggle-disk). It lacks everything until it has synced. */
export function addDisk(replies: Replies, replica: Replica, pool: StoragePool): void {
  const { definition, node } = replica;
  const set = 'Successfully set property key(s): StorPoolName';
  for (let i = 0; i < 2; i += 1) replies.addAs({ operation: OP.create }, 'success', CODE.created, set);
  const registered = `Addition of disk to resource '${definition.name}' on node '${node.name}' registered`;
  replies.add('success', CODE.modified, registered);
  adjusted(replies, replica, 'created');
  replica.layerFlags = replica.flags.has('TIE_BREAKER') ? ['DISKLESS'] : [];
  for (const flag of ['DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER'] as const) replica.flags.delete(flag);
  replica.pool = pool;
  replica.props = { DiskfulBy: 'auto-placer', StorPoolName: pool.name };
  if (peersOf(replica).some((peer) => !isDiskless(peer))) invalidate(replica, sizeOf(definition));
  else completeSync(replica);
  reportPrepared(replies, replica);
  adjusted(replies, replica, 'created');
  replies.add('success', CODE.modified, `Added disk on '${node.name}'`);
}

/** The peers make room for the disk, and are adjusted once more when it is there. Offline ones learn of it later. */
function reportPrepared(replies: Replies, replica: Replica): void {
  const peers = peersOf(replica);
  for (const peer of peers) {
    if (isRunning(peer)) adjusted(replies, peer, 'resized');
    const message = `Prepared '${peer.node.name}' to expect disk on '${replica.node.name}'`;
    replies.add('success', CODE.modified, message);
  }
  for (const peer of peers) if (!isRunning(peer)) warnNotConnected(replies, peer.node.name);
  for (const peer of peers.filter(isRunning)) adjusted(replies, peer, 'resized');
}

/** Why a replica must not be deleted now: it is in use, or the last with a disk beside diskless ones. */
export function reportUndeletable(replies: Replies, replica: Replica): boolean {
  const { definition, node } = replica;
  if (replica.primary && isRunning(replica)) {
    replies.add('error', CODE.inUse, `Resource '${definition.name}' is still in use.`, {
      cause: 'Resource is mounted/in use.',
      correction: `Un-mount resource '${definition.name}' on the node '${node.name}'.`,
    });
    return true;
  }
  const peers = peersOf(replica).filter((peer) => !peer.flags.has('DELETE'));
  if (isDiskless(replica) || peers.length === 0 || peers.some((peer) => !isDiskless(peer))) return false;
  const message = `Last resource of '${definition.name}' with disk still has diskless resources attached.`;
  replies.add('error', CODE.inUse, message, {
    cause: 'Resource still has diskless users.',
    correction: 'Before deleting this resource, delete the diskless resources attached to it.',
  });
  return true;
}

/** Other diskful replicas that count as UpToDate when the controller decides whether one is surplus. */
export function upToDatePeers(replica: Replica): number {
  return peersOf(replica).filter(
    (peer) => !isDiskless(peer) && isUpToDate(peer) && !peer.flags.has('EVACUATE') && !peer.flags.has('DELETE'),
  ).length;
}

/** Node names of the diskless replicas of a resource. */
export function disklessNodes(definition: Definition): LinstorNode[] {
  return [...definition.replicas.values()].filter(isDiskless).map((replica) => replica.node);
}
