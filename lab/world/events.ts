import { appendFileSync } from 'node:fs';

/**
 * What happened in the world. The safety monitor reads nothing but these and the Kubernetes API's own watches.
 * `by` of a VM event is the API caller's token id (user@realm!id), 'guest' for the guest itself, 'host' for what the
 * hypervisor does by itself, or 'hand' for somebody at the host's own console, whom no api.write announces.
 */
export type WorldEvent =
  /** A VM or template exists from now on. */
  | {
      type: 'vm.created';
      vmid: number;
      name: string;
      host: string;
      uuid: string;
      template: boolean;
      generation: number;
      by?: string;
    }
  /** Somebody asked for it to stop, by API: 'stop' cuts it off, 'shutdown' asks the guest. */
  | {
      type: 'vm.stop-requested';
      vmid: number;
      name: string;
      generation: number;
      how: 'stop' | 'shutdown' | 'reset';
      by?: string;
    }
  | { type: 'vm.started'; vmid: number; name: string; host: string; generation: number; by?: string }
  | { type: 'vm.stopped'; vmid: number; name: string; generation: number; by?: string }
  | {
      type: 'vm.deleted';
      vmid: number;
      name: string;
      host: string;
      uuid: string;
      generation: number;
      template: boolean;
      by?: string;
    }
  /** A Proxmox task ended. */
  | { type: 'proxmox.task'; upid: string; task: string; vmid: number; exitstatus: string }
  /** Any request that changes something, at any emulated API (never a body, never a header). */
  | { type: 'api.write'; api: 'proxmox' | 'talos' | 'linstor'; method: string; path: string; subject: string }
  /** The operating system's stage: booting, maintenance, installing, running, rebooting, shutting down, resetting, upgrading, off. */
  | { type: 'machine.stage'; vmid: number; node: string; address: string; stage: string }
  /** The machine's Talos version, schematic and kubelet version once it runs. */
  | {
      type: 'machine.running';
      vmid: number;
      node: string;
      address: string;
      role: 'controlplane' | 'worker';
      talosVersion: string;
      schematic: string;
      kubelet: string;
    }
  | { type: 'machine.down'; vmid: number; node: string; address: string }
  | {
      type: 'etcd.member';
      change: 'added' | 'promoted' | 'removed' | 'started' | 'stopped';
      id: string;
      node: string;
      voters: number;
      learners: number;
    }
  | { type: 'etcd.leader'; id: string; node: string }
  | { type: 'etcd.quorum'; has: boolean; live: number; voters: number }
  | { type: 'etcd.snapshot'; node: string; bytes: number; whole: boolean }
  /** status: ONLINE, OFFLINE, or DELETED for the last event of a node that left the controller's database. */
  | { type: 'linstor.node'; node: string; status: string; flags: string[] }
  /**
   * One replica's state changed. diskful: it holds data. state: UpToDate, SyncTarget, Inconsistent, Diskless, Unknown
   * (its satellite is offline); Created or Failed without DRBD. Within one moment, states come before deletions.
   */
  | {
      type: 'linstor.replica';
      change: 'created' | 'state' | 'deleted';
      resource: string;
      node: string;
      pool: string;
      diskful: boolean;
      state: string;
      flags: string[];
    }
  /** The set of faulty resources by LINSTOR's own rule (`resource list --faulty`) changed. */
  | { type: 'linstor.faulty'; resources: string[] }
  | { type: 'kubernetes.api'; reachable: boolean }
  | { type: 'fault'; name: string; subject: string; change: 'set' | 'cleared' }
  /** The Talos secrets in the stack's state, as a fingerprint, when a machine configuration carries them. */
  | { type: 'talos.identity'; node: string; fingerprint: string }
  /** A part of the lab itself failed (a program of the control plane died, a stand-in could not do its work): no emulated fault. */
  | { type: 'lab.failure'; part: string; message: string };

/** An event with its place in the order of all events and its time (milliseconds since the epoch). */
export type Recorded = WorldEvent & { seq: number; at: number };

/**
 * The world's event log: typed, ordered, append-only; kept in memory and, when a file is named, as JSON lines.
 * Listeners run synchronously in the order of events.
 */
export class EventLog {
  private readonly log: Recorded[] = [];
  private readonly listeners = new Set<(event: Recorded) => void>();

  constructor(
    private readonly now: () => number,
    private readonly file?: string,
  ) {}

  emit(event: WorldEvent): void {
    const recorded = { ...event, seq: this.log.length, at: this.now() };
    this.log.push(recorded);
    if (this.file !== undefined) appendFileSync(this.file, `${JSON.stringify(recorded)}\n`);
    for (const listener of [...this.listeners]) listener(recorded);
  }

  /** Calls back for every later event; returns the way to stop. */
  subscribe(listener: (event: Recorded) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls back for every later event of one type. */
  on<T extends WorldEvent['type']>(type: T, listener: (event: Extract<Recorded, { type: T }>) => void): () => void {
    return this.subscribe((event) => {
      if (event.type === type) listener(event as Extract<Recorded, { type: T }>);
    });
  }

  all(): readonly Recorded[] {
    return this.log;
  }
}
