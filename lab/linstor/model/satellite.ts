import { randomUUID } from 'node:crypto';
import type { Model } from './model.js';
import { addNode } from './nodes.js';
import { isDiskless, keyOf, NODE_POOL, sizeOf, type LinstorNode, type Replica } from './state.js';
import { invalidate } from './sync.js';

/** What a satellite finds on the machine it starts on. */
export interface SatelliteHost {
  node: string;
  address: string;
  /** The VM's incarnation: another one has other disks. */
  generation: number;
  /** Bytes of all data disks. */
  dataBytes: number;
}

/** DRBD's bitmap has at least this share of a replica to bring after the peers were written without it. */
const DIRTY_SHARE = 1 / 64;
const DIRTY_MIN_KIB = 4096;

/** Enters the node as Piraeus' operator does when its satellite's pod first appears; OFFLINE until it answers. */
export function register(model: Model, host: SatelliteHost): LinstorNode {
  const known = model.cluster.node(host.node);
  if (known) return known;
  const port = {
    name: 'default-ipv4',
    address: host.address,
    satellite_port: 3366,
    satellite_encryption_type: 'PLAIN',
  };
  return addNode(model, host.node, [port], {});
}

/**
 * The satellite answers: ONLINE, with its pool over the data disks. Replicas that were written while it was away have
 * to catch up. On other disks than before nothing is left of its replicas: they are made again, empty, and need an
 * UpToDate peer; without one their data is lost. An evicted node is not connected before it is restored.
 */
export function connect(model: Model, node: LinstorNode, host: SatelliteHost): void {
  if (node.flags.has('EVICTED')) return;
  model.noteWrites();
  const emptied = node.disks !== undefined && node.disks !== host.generation;
  node.disks = host.generation;
  node.props['NodeUname'] = node.name;
  setPool(node, Math.floor(host.dataBytes / 1024));
  for (const replica of model.cluster.replicasOn(node)) {
    if (replica.flags.has('DELETE')) model.forget(replica);
    replica.stalePeers.clear();
    if (isDiskless(replica)) continue;
    if (emptied) invalidate(replica, sizeOf(replica.definition));
    else if (!node.online) catchUp(replica, node.offlineSince);
  }
  node.online = true;
}

function setPool(node: LinstorNode, capacity: number): void {
  const pool = node.pools.get(keyOf(NODE_POOL));
  if (pool) {
    pool.capacity = capacity;
    return;
  }
  const props = {
    'StorDriver/StorPoolName': `linstor_${NODE_POOL}`,
    'StorDriver/internal/AllocationGranularity': '4096',
  };
  node.pools.set(keyOf(NODE_POOL), { name: NODE_POOL, kind: 'LVM', uuid: randomUUID(), capacity, props });
}

function catchUp(replica: Replica, since: number): void {
  const { definition } = replica;
  if (!definition.drbd || replica.disk !== 'UpToDate' || definition.lastWrite <= since) return;
  const size = sizeOf(definition);
  invalidate(replica, Math.min(size, Math.max(DIRTY_MIN_KIB, Math.ceil(size * DIRTY_SHARE))));
}

/** The satellite is gone: its states are unknown, its replicas closed, the watches that listen to it end. */
export function disconnect(model: Model, node: LinstorNode): void {
  if (!node.online) return;
  model.noteWrites();
  for (const replica of model.cluster.replicasOn(node)) replica.primary = false;
  node.online = false;
  node.offlineSince = model.world.now();
  model.dropMigrations(node);
}
