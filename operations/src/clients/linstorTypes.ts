/** LINSTOR's REST objects, the parts that the guard reads (facts: linstor-rest.md, linstor-wire.md). */

export interface LinstorNode {
  name: string;
  type: string;
  /** Absent when there are none. */
  flags?: string[];
  connection_status: string;
  net_interfaces?: { name: string; address: string }[];
}

export interface LinstorVolume {
  volume_number: number;
  storage_pool_name: string;
  provider_kind: string;
  allocated_size_kib?: number;
  usable_size_kib?: number;
  flags?: string[];
  /** Absent while the satellite is offline. */
  state?: {
    disk_state?: string;
    replication_states?: Record<string, { replication_state: string; done_percentage?: number }>;
  };
  layer_data_list?: { type: string; data?: { allocated_size_kib?: number; usable_size_kib?: number } }[];
}

export interface LinstorResource {
  name: string;
  node_name: string;
  /** Milliseconds since the epoch. */
  create_timestamp?: number;
  flags?: string[];
  props?: Record<string, string>;
  effective_props?: Record<string, { value?: string }>;
  /** Absent while the satellite is offline. */
  state?: { in_use?: boolean };
  layer_object?: {
    type: string;
    drbd?: { connections?: Record<string, { connected?: boolean; message?: string }> };
  };
  volumes?: LinstorVolume[];
}

export interface LinstorPool {
  storage_pool_name: string;
  node_name: string;
  provider_kind: string;
  /** KiB; absent while the satellite is offline. */
  free_capacity?: number;
}

export interface LinstorGroup {
  name: string;
  select_filter?: { place_count?: number; storage_pool_list?: string[] };
}

export interface LinstorDefinition {
  name: string;
  resource_group_name?: string;
}

/** One entry of LINSTOR's answer to a write. */
export interface LinstorEntry {
  /** Signed 64-bit code: a JavaScript number would lose its low bits. */
  code: bigint;
  severity: 'error' | 'warning' | 'info' | 'success';
  /** The low 16 bits, which say what happened: 300 unknown node, 997 in use, 1020 not evacuating. */
  number: number;
  message: string;
}

/** Low 16 bits of the return codes that the guard tells apart. */
export const LINSTOR_CODES = { unknownNode: 300, inUse: 997, notEvacuating: 1020 } as const;
