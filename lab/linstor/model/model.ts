import { connected, isFaulty, isRunning, isUpToDate, mayPromote, peersOf } from './drbd.js';
import { ErrorReports } from './error-reports.js';
import { Replies, type Context } from './replies.js';
import { Cluster, isDiskless, keyOf, type LinstorNode, type Migration, type Replica } from './state.js';
import { manage } from './tie-breaker.js';
import { completeSync, reconcileSync, syncEnd, type SyncWorld } from './sync.js';

/** What the model asks its surroundings: the clock, and the faults in force. */
export interface Surroundings extends SyncWorld {
  /** No pool has room for another replica. */
  noCapacity(): boolean;
  /** One replica of the node is to be broken. */
  faultyOn(node: string): boolean;
}

/** Node events of the controller's event stream. */
export type NodeEvent = 'node-create' | 'node-delete' | 'node-evacuate' | 'node-evicted' | 'node-restored';

/**
 * The controller and its satellites as a state machine over a clock: operations change it, `settle` draws the
 * consequences that need no time, `advance` those that time brings. It knows neither HTTP nor timers.
 */
export class Model {
  cluster = new Cluster();
  readonly reports: ErrorReports;
  /** Which nodes' workloads want a resource Primary, by resource key; the oldest wish first. */
  readonly wishes = new Map<string, Set<string>>();

  constructor(
    readonly world: Surroundings,
    private readonly onNodeEvent: (event: NodeEvent, node: LinstorNode) => void,
  ) {
    this.reports = new ErrorReports(() => world.now());
  }

  replies(context?: Context): Replies {
    return new Replies(() => this.world.now(), context);
  }

  /** An empty database, as a controller that starts for the first time makes it; or one that is there already. */
  begin(database = new Cluster()): void {
    this.cluster = database;
    this.wishes.clear();
  }

  announce(event: NodeEvent, node: LinstorNode): void {
    this.onNodeEvent(event, node);
  }

  /** Draws every consequence that needs no time. Call after each change. */
  settle(): void {
    this.noteWrites();
    this.applyFaults();
    this.promote();
    for (;;) {
      for (const replica of this.cluster.replicas()) reconcileSync(replica, this.world);
      if (!this.finishSyncs() && !this.finishMigrations()) return;
    }
  }

  /** When time will next change something by itself, milliseconds since the epoch. */
  nextWake(): number | undefined {
    const ends = this.cluster.replicas().map((replica) => syncEnd(replica, this.world.syncPerGib));
    const known = ends.filter((end) => end !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** Whatever is Primary has been written until now: replicas that were away meanwhile are behind. */
  noteWrites(): void {
    for (const replica of this.cluster.replicas()) {
      if (replica.primary) replica.definition.lastWrite = this.world.now();
    }
  }

  /** Ends the syncs whose time has come. */
  private finishSyncs(): boolean {
    const now = this.world.now();
    const done = this.cluster.replicas().filter((replica) => {
      const end = syncEnd(replica, this.world.syncPerGib);
      return end !== undefined && end <= now;
    });
    for (const replica of done) completeSync(replica);
    return done.length > 0;
  }

  /** Deletes old replicas whose successor is UpToDate, once they are unused. Flags play no part in it. */
  private finishMigrations(): boolean {
    const ready = this.cluster.migrations.filter((migration) => this.isReady(migration));
    if (ready.length === 0) return false;
    this.cluster.migrations = this.cluster.migrations.filter((migration) => !ready.includes(migration));
    for (const migration of ready) this.finishMigration(migration);
    return true;
  }

  private isReady(migration: Migration): boolean {
    return isUpToDate(migration.to) && isRunning(migration.from) && !migration.from.primary;
  }

  private finishMigration({ from, to }: Migration): void {
    delete to.props['MigrateFrom'];
    this.forget(from);
    manage(this, this.replies(), from.definition);
  }

  /** Takes a replica out of the database and off its node; the watches that listen to it end. */
  forget(replica: Replica): void {
    for (const peer of peersOf(replica)) if (connected(peer, replica)) peer.stalePeers.add(replica.node.name);
    replica.definition.replicas.delete(keyOf(replica.node.name));
    this.cluster.migrations = this.cluster.migrations.filter(({ from, to }) => from !== replica && to !== replica);
  }

  /** A lost connection ends the watches that listen to this satellite; nothing starts them again. */
  dropMigrations(node: LinstorNode): void {
    this.cluster.migrations = this.cluster.migrations.filter(({ from, to }) => from.node !== node && to.node !== node);
  }

  /** One Primary a resource: the first wish that can be met. */
  private promote(): void {
    for (const replica of this.cluster.replicas()) {
      const wanted = this.wishes.get(keyOf(replica.definition.name))?.has(keyOf(replica.node.name)) ?? false;
      if (!wanted || !isRunning(replica)) replica.primary = false;
    }
    for (const [resource, nodes] of this.wishes) {
      const definition = this.cluster.definitions.get(resource);
      if (definition === undefined || [...definition.replicas.values()].some((replica) => replica.primary)) continue;
      const candidates = [...nodes].map((node) => definition.replicas.get(node));
      const next = candidates.find((replica) => replica !== undefined && this.canOpen(replica));
      if (next) next.primary = true;
    }
  }

  private canOpen(replica: Replica): boolean {
    return replica.definition.drbd ? mayPromote(replica) : replica.node.online;
  }

  /** resource-faulty breaks the first diskful replica of its node, and mends it when the fault is lifted. */
  private applyFaults(): void {
    for (const node of this.cluster.nodes.values()) {
      const replicas = this.cluster.replicasOn(node).filter((replica) => replica.definition.drbd);
      const faulty = this.world.faultyOn(node.name);
      if (!faulty) for (const replica of replicas) replica.broken = false;
      if (!faulty || replicas.some((replica) => replica.broken)) continue;
      const victim = replicas.find((replica) => !isDiskless(replica));
      if (victim) victim.broken = true;
    }
  }

  /** Names of the resources that `resource list --faulty` would show, sorted. */
  faultyResources(): string[] {
    const faulty = this.cluster.replicas().filter(isFaulty);
    return [...new Set(faulty.map((replica) => replica.definition.name))].sort();
  }
}
