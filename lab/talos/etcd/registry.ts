import type { World } from '../../world/world.js';
import { EtcdCluster, type Member, type Peer } from './cluster.js';

/**
 * Which etcd cluster each Talos cluster has at the moment. A cluster is over once nobody has its data any more;
 * until then its members stay listed, whether their machines are there or not.
 */
export class EtcdRegistry {
  private readonly current = new Map<string, { cluster: EtcdCluster; data: Set<string> }>();
  private readonly listeners = new Set<() => void>();
  private readonly endListeners = new Set<() => void>();

  constructor(private readonly world: World) {}

  /** The cluster of the machines whose configurations carry this id. */
  of(talosCluster: string): EtcdCluster | undefined {
    return this.current.get(talosCluster)?.cluster;
  }

  /** The cluster that a data directory belongs to; undefined when it is over. */
  byId(id: string): EtcdCluster | undefined {
    return this.all().find((cluster) => cluster.id === id);
  }

  all(): EtcdCluster[] {
    return [...this.current.values()].map(({ cluster }) => cluster);
  }

  bootstrap(talosCluster: string, peer: Peer): { cluster: EtcdCluster; member: Member } {
    const cluster = new EtcdCluster(this.world.events, this.world.clock);
    cluster.onChange(() => this.announce());
    this.current.set(talosCluster, { cluster, data: new Set() });
    const member = cluster.bootstrap(peer);
    return { cluster, member };
  }

  /** A member's data is on a disk from now on. */
  keep(cluster: string, member: string): void {
    this.entry(cluster)?.[1].data.add(member);
  }

  /** A member's data is gone with its disk, its partition or its membership. */
  lose(cluster: string, member: string): void {
    const entry = this.entry(cluster);
    if (!entry) return;
    const [talosCluster, { data }] = entry;
    data.delete(member);
    if (data.size > 0) return;
    this.current.delete(talosCluster);
    this.announce();
    for (const listener of this.endListeners) listener();
  }

  /** Calls back after every change of any cluster; returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls back when the last data of a cluster is gone. */
  onEnd(listener: () => void): void {
    this.endListeners.add(listener);
  }

  private entry(id: string): [string, { cluster: EtcdCluster; data: Set<string> }] | undefined {
    return [...this.current].find(([, { cluster }]) => cluster.id === id);
  }

  private announce(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
