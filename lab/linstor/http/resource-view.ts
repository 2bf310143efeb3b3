import {
  connected,
  diskState,
  donePercentage,
  drbdSize,
  isRunning,
  isUpToDate,
  lvmSize,
  mayPromote,
  peersOf,
} from '../model/drbd.js';
import type { Model } from '../model/model.js';
import { flagsOf, isDiskless, type Replica, type VolumeDefinition } from '../model/state.js';
import { drbdDefinition, listed, sortedProps } from './views.js';

/**
 * A replica as view/resources shows it. While its satellite is away there is no `state`, neither the resource's nor
 * the volumes', and no `connections`: a client that reads absence as 'nothing wrong' is mistaken.
 */
export function resourceView(model: Model, replica: Replica, withVolumes = true): object {
  const { definition, node } = replica;
  return {
    name: definition.name,
    node_name: node.name,
    props: sortedProps(replica.props),
    flags: listed(flagsOf(replica)),
    layer_object: definition.drbd ? drbdLayer(replica) : storageLayer(replica),
    state: resourceState(replica),
    uuid: replica.uuid,
    create_timestamp: replica.createdAt,
    ...(withVolumes ? { volumes: definition.volumes.map((volume) => volumeOf(model, replica, volume)) } : {}),
  };
}

function resourceState(replica: Replica): object | undefined {
  if (!isRunning(replica)) return undefined;
  return replica.definition.drbd ? { in_use: replica.primary } : {};
}

function drbdLayer(replica: Replica): object {
  return {
    children: [storageLayer(replica)],
    type: 'DRBD',
    drbd: {
      drbd_resource_definition: drbdDefinition(),
      node_id: replica.nodeId,
      tcp_ports: [replica.definition.port],
      peer_slots: 7,
      al_stripes: 1,
      al_size: 32,
      flags: listed(replica.layerFlags),
      drbd_volumes: replica.definition.volumes.map((volume) => drbdVolume(replica, volume)),
      ...(isRunning(replica) ? connections(replica) : {}),
    },
  };
}

function connections(replica: Replica): object {
  const peers = peersOf(replica).filter((peer) => !peer.flags.has('INACTIVE'));
  return {
    connections:
      peers.length === 0 ? undefined : Object.fromEntries(peers.map((peer) => [peer.node.name, link(replica, peer)])),
    promotion_score: isUpToDate(replica) && !isDiskless(replica) ? 10_101 : 1,
    may_promote: mayPromote(replica),
  };
}

function link(replica: Replica, peer: Replica): object {
  if (connected(replica, peer)) return { connected: true, message: 'Connected' };
  return { connected: false, message: replica.broken ? 'StandAlone' : 'Connecting' };
}

function storageLayer(replica: Replica): object {
  const volumes = replica.definition.volumes.map((volume) => storageVolume(replica, volume));
  return { type: 'STORAGE', storage: { storage_volumes: volumes } };
}

function storageVolume(replica: Replica, volume: VolumeDefinition): object {
  if (isDiskless(replica)) {
    return { volume_number: volume.number, allocated_size_kib: 0, usable_size_kib: volume.size };
  }
  const allocated = lvmSize(replica.definition, volume.size);
  return {
    volume_number: volume.number,
    device_path: lvPath(replica, volume),
    allocated_size_kib: allocated,
    usable_size_kib: allocated,
    disk_state: '[]',
  };
}

function drbdVolume(replica: Replica, volume: VolumeDefinition): object {
  const diskless = isDiskless(replica);
  return {
    drbd_volume_definition: { volume_number: volume.number, minor_number: volume.minor },
    device_path: `/dev/drbd${volume.minor}`,
    backing_device: diskless ? undefined : lvPath(replica, volume),
    allocated_size_kib: diskless ? -1 : drbdSize(volume.size),
    usable_size_kib: volume.size,
  };
}

function lvPath(replica: Replica, volume: VolumeDefinition): string {
  const group = replica.pool.props['StorDriver/StorPoolName'] ?? replica.pool.name;
  return `/dev/${group}/${replica.definition.name}_${String(volume.number).padStart(5, '0')}`;
}

function volumeOf(model: Model, replica: Replica, volume: VolumeDefinition): object {
  const { definition, pool } = replica;
  const storage = { type: 'STORAGE', data: storageVolume(replica, volume) };
  const drbd = { type: 'DRBD', data: drbdVolume(replica, volume) };
  return {
    volume_number: volume.number,
    storage_pool_name: pool.name,
    provider_kind: pool.kind,
    device_path: definition.drbd ? `/dev/drbd${volume.minor}` : lvPath(replica, volume),
    allocated_size_kib: isDiskless(replica) ? 0 : lvmSize(definition, volume.size),
    state: definition.drbd && isRunning(replica) ? volumeState(model, replica) : undefined,
    layer_data_list: definition.drbd ? [drbd, storage] : [storage],
    uuid: replica.volumeUuids.get(volume.number),
  };
}

function volumeState(model: Model, replica: Replica): object {
  const { now, syncPerGib } = { now: model.world.now(), syncPerGib: model.world.syncPerGib };
  const peers = peersOf(replica).filter((peer) => connected(replica, peer));
  const states = peers.map((peer) => [peer.node.name, replication(replica, peer, now, syncPerGib)] as const);
  // A satellite goes on reporting peers whose replica has gone, until it is restarted.
  const stale = [...replica.stalePeers].map((name) => [name, { replication_state: 'Established' }] as const);
  const all = Object.fromEntries([...stale, ...states]);
  return {
    disk_state: diskState(replica, now, syncPerGib),
    replication_states: Object.keys(all).length === 0 ? undefined : all,
  };
}

function replication(replica: Replica, peer: Replica, now: number, syncPerGib: number): object {
  const percent = (target: Replica): number => Math.fround(donePercentage(target, now, syncPerGib));
  if (replica.sync?.source === peer) return { replication_state: 'SyncTarget', done_percentage: percent(replica) };
  if (peer.sync?.source === replica) return { replication_state: 'SyncSource', done_percentage: percent(peer) };
  return { replication_state: 'Established' };
}
