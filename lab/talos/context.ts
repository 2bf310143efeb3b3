import type { Hypervisors, Kubernetes, Storage, World } from '../world/world.js';
import type { EtcdRegistry } from './etcd/registry.js';
import type { ImageFactory } from './factory/image-factory.js';
import type { Guest } from './guest.js';
import type { Methods } from './rpc/call.js';
import type { Peers } from './rpc/router.js';
import type { Trust } from './trust.js';

/** What every machine of a fleet shares. */
export interface FleetContext {
  readonly world: World;
  readonly hypervisors: Hypervisors;
  readonly kubernetes: Kubernetes;
  readonly storage: Storage;
  /** Path of the real talosctl. */
  readonly talosctl: string;
  readonly images: ImageFactory;
  readonly trust: Trust;
  readonly etcd: EtcdRegistry;
  readonly methods: Methods;
  readonly peers: Peers;
  /** Machines that are powered on. */
  guests(): Guest[];
  /** Something that others may wait for has changed: a machine came up or went, etcd changed. */
  changed(): void;
  /** Calls back after every such change; returns the way to stop. */
  onChange(listener: () => void): () => void;
  /** Tells the world that a part of the lab failed; what merely ended with its signal did not. */
  failed(part: string, error: unknown): void;
  /** Whether a Kubernetes API server serves anywhere. */
  kubernetesServes(): boolean;
}
