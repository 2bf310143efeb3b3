import { randomUUID } from 'node:crypto';

export const DISKLESS_POOL = 'DfltDisklessStorPool';
export const DEFAULT_GROUP = 'DfltRscGrp';
/** The pool that every node brings along, over all its data disks. */
export const NODE_POOL = 'lvm-thick';

export type NodeFlag = 'DELETE' | 'EVICTED' | 'EVACUATE';
/** In the order in which the controller lists them. */
export const REPLICA_FLAGS = [
  'DELETE',
  'DISKLESS',
  'DRBD_DISKLESS',
  'TIE_BREAKER',
  'INACTIVE',
  'EVICTED',
  'EVACUATE',
  'DRBD_DELETE',
] as const;
export type ReplicaFlag = (typeof REPLICA_FLAGS)[number];
export type Props = Record<string, string>;

export interface NetInterface {
  name: string;
  address: string;
  satellite_port: number;
  satellite_encryption_type: string;
  is_active: boolean;
  uuid: string;
}

export interface StoragePool {
  name: string;
  kind: 'LVM' | 'DISKLESS';
  uuid: string;
  /** KiB; 0 for diskless pools. */
  capacity: number;
  props: Props;
}

export interface LinstorNode {
  name: string;
  uuid: string;
  flags: Set<NodeFlag>;
  props: Props;
  interfaces: NetInterface[];
  online: boolean;
  /** Time it went OFFLINE, milliseconds since the epoch. */
  offlineSince: number;
  pools: Map<string, StoragePool>;
  /** The VM generation whose disks the satellite last found. Other disks are empty ones. */
  disks?: number;
}

export interface SelectFilter {
  place_count?: number;
  additional_place_count?: number;
  node_name_list?: string[];
  storage_pool?: string;
  storage_pool_list?: string[];
  not_place_with_rsc?: string[];
  replicas_on_same?: string[];
  replicas_on_different?: string[];
  layer_stack?: string[];
}

export interface ResourceGroup {
  name: string;
  uuid: string;
  description?: string;
  props: Props;
  filter: SelectFilter;
  volumeGroups: { number: number; uuid: string }[];
}

export interface VolumeDefinition {
  number: number;
  /** KiB. */
  size: number;
  minor: number;
  uuid: string;
}

export interface Definition {
  name: string;
  uuid: string;
  group: ResourceGroup;
  props: Props;
  /** False: the STORAGE layer alone, nothing replicates. */
  drbd: boolean;
  port: number;
  volumes: VolumeDefinition[];
  /** When somebody last had it open for writing, milliseconds since the epoch; 0 for never. */
  lastWrite: number;
  /** By node key. */
  replicas: Map<string, Replica>;
}

/** A resynchronisation in progress. */
export interface Sync {
  source: Replica;
  /** Time from which `missing` shrinks, milliseconds since the epoch; absent while it is stuck. */
  from?: number;
}

export interface Replica {
  node: LinstorNode;
  definition: Definition;
  uuid: string;
  volumeUuids: Map<number, string>;
  flags: Set<ReplicaFlag>;
  props: Props;
  pool: StoragePool;
  createdAt: number;
  nodeId: number;
  /** Flags of the DRBD layer. They lag behind: a replica that was given a disk still says DISKLESS there. */
  layerFlags: ('DISKLESS' | 'INITIALIZED')[];
  disk: 'UpToDate' | 'Inconsistent' | 'Diskless';
  /** KiB that a resynchronisation still has to bring, as of `sync.from`, and what it had to bring in all. */
  missing: number;
  total: number;
  sync?: Sync;
  /** Primary: somebody has it open. */
  primary: boolean;
  /** Kept Inconsistent and disconnected by the fault resource-faulty. */
  broken: boolean;
  /** Peers whose replication state the satellite keeps reporting after their replica has gone. */
  stalePeers: Set<string>;
}

/** A watch that deletes the old replica once the new one is UpToDate and the old one unused. Nothing cancels it. */
export interface Migration {
  from: Replica;
  to: Replica;
}

/** LINSTOR's names are case-insensitive: they are kept as written and compared in upper case. */
export function keyOf(name: string): string {
  return name.toUpperCase();
}

/** Everything the controller's database and its satellites hold. */
export class Cluster {
  readonly nodes = new Map<string, LinstorNode>();
  readonly groups = new Map<string, ResourceGroup>();
  readonly definitions = new Map<string, Definition>();
  readonly props: Props = {
    'Cluster/LocalID': randomUUID(),
    // A fresh 1.33.3 database says True; Piraeus clusters turn it off, and so does the lab.
    'DrbdOptions/AutoEvictAllowEviction': 'False',
    'DrbdOptions/Resource/on-no-quorum': 'io-error',
    'DrbdOptions/auto-add-quorum-tiebreaker': 'True',
    'DrbdOptions/auto-diskful-allow-cleanup': 'True',
    'DrbdOptions/auto-resync-after-disable': 'true',
    'DrbdOptions/auto-verify-algo-allowed-list': 'crct10dif;crc32c;sha384;sha512;sha256;sha1;md5;windrbd',
  };
  migrations: Migration[] = [];
  private nextMinor = 1000;

  constructor() {
    const filter = { place_count: 2 };
    const group = { name: DEFAULT_GROUP, uuid: randomUUID(), props: {}, filter, volumeGroups: [] };
    this.groups.set(keyOf(DEFAULT_GROUP), group);
  }

  node(name: string): LinstorNode | undefined {
    return this.nodes.get(keyOf(name));
  }

  group(name: string): ResourceGroup | undefined {
    return this.groups.get(keyOf(name));
  }

  definition(name: string): Definition | undefined {
    return this.definitions.get(keyOf(name));
  }

  replica(resource: string, node: string): Replica | undefined {
    return this.definition(resource)?.replicas.get(keyOf(node));
  }

  /** All replicas by resource, then by node name, as the controller lists them. */
  replicas(): Replica[] {
    return sorted(this.definitions).flatMap((definition) => sorted(definition.replicas));
  }

  replicasOn(node: LinstorNode): Replica[] {
    return this.replicas().filter((replica) => replica.node === node);
  }

  takeMinor(): number {
    return this.nextMinor++;
  }

  /** The lowest TCP port from 7000 on that no other DRBD definition uses; each has one on all its nodes. */
  freePort(): number {
    const drbd = [...this.definitions.values()].filter((definition) => definition.drbd);
    const taken = new Set(drbd.map((definition) => definition.port));
    let port = 7000;
    while (taken.has(port)) port += 1;
    return port;
  }

  /** A property of a definition, else of its group, else of the controller. */
  propertyOf(definition: Definition, key: string): string | undefined {
    return definition.props[key] ?? definition.group.props[key] ?? this.props[key];
  }
}

export function sorted<T>(map: Map<string, T>): T[] {
  return [...map.keys()].sort().map((key) => map.get(key)!);
}

/** A replica's flags in the controller's order. */
export function flagsOf(replica: Replica): ReplicaFlag[] {
  return REPLICA_FLAGS.filter((flag) => replica.flags.has(flag));
}

export function isDiskless(replica: Replica): boolean {
  return replica.flags.has('DISKLESS');
}

/** A resource's size over all its volumes, KiB. */
export function sizeOf(definition: Definition): number {
  return definition.volumes.reduce((sum, volume) => sum + volume.size, 0);
}
