import { evictionTime } from '../model/evict.js';
import type { Model } from '../model/model.js';
import { freeSpace } from '../model/placement.js';
import { warnNotConnected } from '../model/replies.js';
import { OFFLINE_TOOLS, ONLINE_TOOLS } from '../model/tools.js';
import type { Definition, LinstorNode, Props, ResourceGroup, StoragePool, VolumeDefinition } from '../model/state.js';

/** What the emulated controller says it is; the release that was recorded. */
export const VERSION = {
  version: '1.33.3',
  git_hash: '1ff3a1ea5cb5c77100265ec442bb9a492b225145',
  build_time: '2026-01-01T00:00:00+00:00',
  rest_api_version: '1.27.0',
};

/** A diskless pool's capacity: 2^63-1, beyond what a JavaScript number holds. */
const UNLIMITED = (1n << 63n) - 1n;
/** Absent rather than empty: the controller leaves out empty lists and maps. */
export function listed<T>(items: Iterable<T>): T[] | undefined {
  const list = [...items];
  return list.length === 0 ? undefined : list;
}

export function mapped(props: Props): Props | undefined {
  return Object.keys(props).length === 0 ? undefined : { ...sortedProps(props) };
}

/** Properties in the order of their keys, as the controller keeps them. */
export function sortedProps(props: Props): Props {
  return Object.fromEntries(Object.entries(props).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A node as GET nodes and the node events show it. */
export function nodeView(model: Model, node: LinstorNode): object {
  return {
    name: node.name,
    type: 'SATELLITE',
    flags: listed(node.flags),
    props: mapped(node.props),
    net_interfaces: listed(node.interfaces),
    connection_status: node.online ? 'ONLINE' : 'OFFLINE',
    uuid: node.uuid,
    ...(node.online ? ONLINE_TOOLS : OFFLINE_TOOLS),
    eviction_timestamp: evictionTime(model, node),
  };
}

/** A pool; without capacities and with a warning among its reports while its node is offline. */
export function poolView(model: Model, node: LinstorNode, pool: StoragePool): object {
  const diskless = pool.kind === 'DISKLESS';
  const total = diskless ? UNLIMITED : pool.capacity;
  return {
    storage_pool_name: pool.name,
    node_name: node.name,
    provider_kind: pool.kind,
    props: mapped(pool.props),
    static_traits: diskless ? { SupportsSnapshots: 'false' } : { Provisioning: 'Fat', SupportsSnapshots: 'false' },
    ...(node.online
      ? { free_capacity: diskless ? UNLIMITED : freeSpace(model, node, pool), total_capacity: total }
      : {}),
    free_space_mgr_name: `${node.name};${pool.name}`,
    uuid: pool.uuid,
    ...(node.online ? {} : { reports: offlineReports(model, node) }),
    supports_snapshots: false,
    external_locking: false,
  };
}

function offlineReports(model: Model, node: LinstorNode): object[] {
  const replies = model.replies();
  warnNotConnected(replies, node.name);
  return replies.entries;
}

export function groupView(group: ResourceGroup): object {
  return {
    name: group.name,
    description: group.description,
    props: mapped(group.props),
    select_filter: group.filter,
    uuid: group.uuid,
  };
}

export function volumeView(definition: Definition, volume: VolumeDefinition): object {
  const drbd = { type: 'DRBD', data: { volume_number: volume.number, minor_number: volume.minor } };
  return {
    volume_number: volume.number,
    size_kib: volume.size,
    props: definition.drbd ? { DrbdCurrentGi: gi(volume) } : undefined,
    layer_data: definition.drbd ? [drbd, { type: 'STORAGE' }] : [{ type: 'STORAGE' }],
    uuid: volume.uuid,
  };
}

/** DRBD's generation identifier: 16 hexadecimal digits of the volume's own. */
function gi(volume: VolumeDefinition): string {
  return volume.uuid.replaceAll('-', '').slice(0, 16).toUpperCase();
}

export function definitionView(definition: Definition, withVolumes: boolean): object {
  const drbd = { ...drbdDefinition(), port: definition.port };
  return {
    name: definition.name,
    props: mapped(definition.props),
    layer_data: definition.drbd ? [{ type: 'DRBD', data: drbd }, { type: 'STORAGE' }] : [{ type: 'STORAGE' }],
    uuid: definition.uuid,
    resource_group_name: definition.group.name,
    ...(withVolumes ? { volume_definitions: definition.volumes.map((volume) => volumeView(definition, volume)) } : {}),
  };
}

/** DRBD's settings for a definition. The shared secret never leaves the emulation: there is none. */
export function drbdDefinition(): object {
  return {
    peer_slots: 7,
    al_stripes: 1,
    al_stripe_size_kib: 32,
    port: -1,
    transport_type: 'IP',
    secret: 'none-in-the-lab',
    down: false,
  };
}
