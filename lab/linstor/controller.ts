import type { Machine, Storage, World } from '../world/world.js';
import { autoEvict, evictionTime } from './model/evict.js';
import { Model, type NodeEvent } from './model/model.js';
import { connect, disconnect, register, type SatelliteHost } from './model/satellite.js';
import { flagsOf, isDiskless, keyOf, type Cluster, type LinstorNode } from './model/state.js';
import { close, open } from './model/use.js';
import { stateName } from './model/drbd.js';
import { Publisher, type Promotion } from './publisher.js';

/** What listens to the controller's event streams. */
export interface StreamListener {
  node?(event: NodeEvent, node: LinstorNode): void;
  promotion?(promotion: Promotion): void;
}

/** A replica as the lab's own tools show it. */
export interface ReplicaSummary {
  resource: string;
  node: string;
  pool: string;
  diskful: boolean;
  state: string;
  inUse: boolean;
  flags: string[];
}

/**
 * The storage controller in the lab's world: it runs the model on the world's clock, connects satellites as machines
 * come and go, follows the faults in force, and tells the world what changed.
 */
export class LinstorController implements Storage {
  readonly model: Model;
  private readonly publisher: Publisher;
  private readonly listeners = new Set<StreamListener>();
  /** Satellites that run or are starting, by node key. */
  private readonly satellites = new Map<string, { host: SatelliteHost; readyAt: number }>();
  private wakeAt = Infinity;
  /** The database that the last wipe took away. */
  private lost: Cluster | undefined;

  constructor(readonly world: World) {
    const { clock, durations, faults } = world;
    const surroundings = {
      now: () => clock.now(),
      syncPerGib: durations.syncPerGib,
      stuck: () => faults.has('sync-stuck'),
      noCapacity: () => faults.has('evacuation-no-capacity'),
      faultyOn: (node: string) => faults.has('resource-faulty', node),
    };
    this.model = new Model(surroundings, (event, node) => {
      for (const listener of this.listeners) listener.node?.(event, node);
    });
    this.publisher = new Publisher(this.model, world.events, (promotion) => {
      for (const listener of this.listeners) listener.promotion?.(promotion);
    });
    const stop = faults.onChange(() => this.refresh());
    world.signal.addEventListener('abort', stop, { once: true });
  }

  /** Registers the node on its first call; it is ONLINE after durations.satellite, unless a fault keeps it OFFLINE. */
  satelliteUp(machine: Machine): void {
    const { node, address, generation, hardware } = machine;
    const data = hardware.disks.filter((disk) => disk.slot !== 'scsi0');
    const host = { node, address, generation, dataBytes: data.reduce((sum, disk) => sum + disk.bytes, 0) };
    const readyAt = this.world.clock.now() + this.world.durations.satellite;
    this.change(() => {
      // Whatever ran there before is gone, whether anybody has said so or not.
      disconnect(this.model, register(this.model, host));
      this.satellites.set(keyOf(node), { host, readyAt });
    });
  }

  satelliteDown(node: string): void {
    this.satellites.delete(keyOf(node));
    const known = this.model.cluster.node(node);
    if (known) this.change(() => disconnect(this.model, known));
  }

  wipe(): void {
    this.lost = this.model.cluster;
    this.change(() => {
      for (const node of this.model.cluster.nodes.values()) disconnect(this.model, node);
      this.model.begin();
    });
  }

  recover(): void {
    const { lost } = this;
    if (lost) this.change(() => this.model.begin(lost));
  }

  setInUse(resource: string, node: string, inUse: boolean): void {
    this.change(() => (inUse ? open : close)(this.model, resource, node));
  }

  /** Runs a change of the model, draws its consequences and tells the world. Reads need no more than `refresh`. */
  change<T>(operation: () => T): T {
    this.refresh();
    try {
      return operation();
    } finally {
      this.refresh();
    }
  }

  /** Brings the model to the present moment, so that a read sees what time has done. */
  refresh(): void {
    const seen = this.world.clock.now();
    this.catchUp();
    this.publisher.publish();
    this.schedule(seen);
  }

  private catchUp(): void {
    this.connectReady();
    this.model.settle();
    if (autoEvict(this.model)) this.model.settle();
  }

  /** Whether a satellite would answer the controller under this node name. */
  answers(node: string): boolean {
    const satellite = this.satellites.get(keyOf(node));
    if (satellite === undefined || satellite.readyAt > this.world.clock.now()) return false;
    return !this.world.faults.has('satellite-never-back', satellite.host.node);
  }

  /** Connects satellites that answer, to nodes that are still known. */
  private connectReady(): void {
    for (const [key, { host }] of this.satellites) {
      const node = this.model.cluster.nodes.get(key);
      if (node && !node.online && this.answers(node.name)) connect(this.model, node, host);
    }
  }

  /** Sleeps until time changes something by itself. What came due since `seen`, while the model caught up, is next. */
  private schedule(seen: number): void {
    const evictions = [...this.model.cluster.nodes.values()].map((node) => evictionTime(this.model, node));
    const starts = [...this.satellites.values()].map((satellite) => satellite.readyAt);
    const moments = [this.model.nextWake(), ...evictions, ...starts];
    const next = Math.min(Infinity, ...moments.filter((at) => at !== undefined && at > seen).map(Number));
    if (next >= this.wakeAt || this.world.signal.aborted) return;
    this.wakeAt = next;
    void this.sleep(Math.max(0, next - this.world.clock.now())).then((awake) => {
      if (this.wakeAt === next) this.wakeAt = Infinity;
      if (awake) this.refresh();
    });
  }

  /** False when the lab goes down meanwhile. */
  private async sleep(ms: number): Promise<boolean> {
    try {
      await this.world.clock.delay(ms, this.world.signal);
      return !this.world.signal.aborted;
    } catch (error) {
      if (this.world.signal.aborted) return false;
      throw error;
    }
  }

  /** Listens to the controller's event streams; returns the way to stop. */
  listen(listener: StreamListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What the promotion stream replays to a client that asks for the current state. */
  promotions(): Promotion[] {
    return this.publisher.currentPromotions();
  }

  /** All replicas, for the lab's status display. */
  summary(): ReplicaSummary[] {
    this.refresh();
    return this.model.cluster.replicas().map((replica) => ({
      resource: replica.definition.name,
      node: replica.node.name,
      pool: replica.pool.name,
      diskful: !isDiskless(replica),
      state: stateName(replica),
      inUse: replica.primary,
      flags: flagsOf(replica),
    }));
  }
}
