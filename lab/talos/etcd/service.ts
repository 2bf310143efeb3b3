import type { World } from '../../world/world.js';
import type { SystemDisk } from '../disk.js';
import { isAbort, next, until } from '../waiting.js';
import type { EtcdCluster, Member, Peer } from './cluster.js';
import { EtcdError, UNHEALTHY, asRpcError, dataNotEmpty, notListening } from './errors.js';
import type { EtcdRegistry } from './registry.js';

/** How long Talos goes on trying to leave a cluster that refuses it for being unhealthy, in milliseconds. */
const LEAVE_TIMEOUT = 300_000;

export type EtcdState = 'Preparing' | 'Running' | 'Finished' | 'Failed';

/**
 * The etcd service of one control plane for one boot: starts the member whose data the disk has, or joins as Talos
 * does with an empty data directory, as a learner that is promoted once it has caught up.
 */
export class EtcdService {
  private condition: EtcdState = 'Preparing';
  private why = '';
  private run = new AbortController();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly world: World,
    private readonly registry: EtcdRegistry,
    private readonly host: { talosCluster: string; peer: Peer; disk: SystemDisk },
  ) {}

  get state(): EtcdState {
    return this.condition;
  }

  /** What the service waits for or why it failed. */
  get message(): string {
    return this.why;
  }

  /** The cluster this machine's control plane talks to, whether its own member runs or not. */
  get cluster(): EtcdCluster | undefined {
    return this.registry.of(this.host.talosCluster);
  }

  /** This machine's member, while it runs. */
  get member(): Member | undefined {
    const { etcd } = this.host.disk;
    const member = etcd && this.registry.byId(etcd.cluster)?.member(etcd.member);
    return member?.live && this.condition === 'Running' ? member : undefined;
  }

  /** A learner answers no health check: reads go through voters. */
  get healthy(): boolean {
    const { member } = this;
    return member !== undefined && !member.learner && this.cluster!.hasQuorum();
  }

  /** Ends with the signal. */
  start(signal: AbortSignal): void {
    const run = new AbortController();
    this.run = run;
    const ends = AbortSignal.any([signal, run.signal]);
    signal.addEventListener('abort', () => this.stop(), { once: true });
    this.begin(ends).catch((error: unknown) => {
      if (!isAbort(error)) this.set('Failed', (error as Error).message);
    });
  }

  /** The process ends; membership and data stay. */
  stop(): void {
    const { member } = this;
    this.run.abort();
    this.set('Finished', 'Service finished successfully');
    if (member) this.cluster?.stop(member.id);
  }

  /** Calls back after changes of the service; changes of the cluster come from the registry. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /**
   * Makes a new cluster with this machine as its first member.
   * @throws RpcError AlreadyExists when this machine has etcd data. Also when the cluster already runs elsewhere: the
   * real machine would begin a second cluster then, which the lab has no second Kubernetes for.
   */
  bootstrap(): void {
    this.mayBootstrap();
    this.run.abort();
    const { cluster, member } = this.registry.bootstrap(this.host.talosCluster, this.host.peer);
    this.keep(cluster, member);
    this.set('Running', 'Started task etcd');
  }

  /** @throws RpcError AlreadyExists, see `bootstrap`. */
  mayBootstrap(): void {
    if (this.host.disk.etcd || this.cluster) throw dataNotEmpty();
  }

  /** A bootstrap that was accepted and came to nothing: the service is failed, and may be bootstrapped again. */
  fail(why: string): void {
    this.run.abort();
    this.set('Failed', why);
  }

  /**
   * Takes this member out of the cluster, then removes its data. While the cluster refuses for being unhealthy it
   * tries again after every change, for five minutes. @throws RpcError
   */
  async leave(signal: AbortSignal): Promise<void> {
    const { etcd } = this.host.disk;
    const cluster = this.cluster;
    if (!etcd || !cluster) throw notListening();
    await this.removeSelf(cluster, etcd.member, signal);
    this.run.abort();
    this.set('Finished', 'Service finished successfully');
    this.dropData();
  }

  /** The data directory goes (with its disk, or wiped); a member that is still listed is dead from then on. */
  dropData(): void {
    const { disk } = this.host;
    const { etcd } = disk;
    disk.etcd = undefined;
    if (etcd) this.registry.lose(etcd.cluster, etcd.member);
  }

  private async removeSelf(cluster: EtcdCluster, id: string, signal: AbortSignal): Promise<void> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(LEAVE_TIMEOUT)]);
    for (;;) {
      try {
        if (cluster.member(id)) cluster.remove(id);
        return;
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        const refused = asRpcError(error, `failed to leave cluster: failed to remove member ${id}`);
        if (error.message !== UNHEALTHY) throw refused;
        await next((listener) => cluster.onChange(listener), patience).catch(() => {
          throw refused;
        });
      }
    }
  }

  private async begin(signal: AbortSignal): Promise<void> {
    this.set('Preparing', 'Running pre state');
    const { etcd } = this.host.disk;
    if (etcd) return this.resume(etcd);
    await this.world.clock.delay(this.world.durations.etcdJoin, signal);
    const { cluster, member } = await this.join(signal);
    this.keep(cluster, member);
    cluster.start(member.id, this.host.peer.name);
    this.set('Running', 'Started task etcd');
    await this.promote(cluster, member, signal);
  }

  /**
   * Starts the member whose data is here. A learner stays one: only the service run that added it promotes it. A member
   * that was removed meanwhile can't run on its data again.
   */
  private resume({ cluster, member }: { cluster: string; member: string }): void {
    [this.condition, this.why] = ['Running', 'Started task etcd'];
    const started = this.registry.byId(cluster)?.start(member, this.host.peer.name);
    if (!started) throw new Error('the member has been permanently removed from the cluster');
    this.set('Running', 'Started task etcd');
  }

  private async join(signal: AbortSignal): Promise<{ cluster: EtcdCluster; member: Member }> {
    for (;;) {
      await until(
        () => this.cluster !== undefined,
        (listener) => this.registry.onChange(listener),
        signal,
      );
      const cluster = this.cluster!;
      try {
        return { cluster, member: cluster.join(this.host.peer) };
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        this.set('Preparing', `failed to build initial etcd cluster: error adding member: ${error.message}`);
        await next((listener) => this.registry.onChange(listener), signal);
      }
    }
  }

  private async promote(cluster: EtcdCluster, member: Member, signal: AbortSignal): Promise<void> {
    await this.world.clock.delay(this.world.durations.etcdPromote, signal);
    const stuck = (): boolean => this.world.faults.has('etcd-never-voter', this.host.peer.name);
    await until(
      () => !stuck(),
      (listener) => this.world.faults.onChange(listener),
      signal,
    );
    for (;;) {
      try {
        if (cluster.member(member.id)) cluster.promote(member.id);
        return;
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        await next((listener) => cluster.onChange(listener), signal);
      }
    }
  }

  private keep(cluster: EtcdCluster, member: Member): void {
    this.host.disk.etcd = { cluster: cluster.id, member: member.id };
    this.registry.keep(cluster.id, member.id);
  }

  private set(state: EtcdState, why: string): void {
    this.condition = state;
    this.why = why;
    for (const listener of [...this.listeners]) listener();
  }
}
