import { randomUUID } from 'node:crypto';
import type { Machine } from '../world/world.js';
import { BootLog } from './boot-log.js';
import { MachineConfiguration } from './configuration.js';
import type { FleetContext } from './context.js';
import type { InstalledSystem, SystemDisk } from './disk.js';
import { type EtcdService } from './etcd/service.js';
import { atLeast } from './factory/version.js';
import type { Guest } from './guest.js';
import { MachineApi } from './machine-api.js';
import { NodeServices } from './node-services.js';
import { resourceFacts } from './resources/facts.js';
import { resourcesOf } from './resources/content.js';
import { ResourceStore } from './resources/store.js';
import { ServiceTable, type Service } from './services.js';
import { machineStatus, type MachineStatus, type Stage } from './status.js';
import { forever, isAbort } from './waiting.js';

/**
 * How a boot ended: rebooted by Talos, reset by the hypervisor, halted by Talos, ready for the hypervisor to take the
 * power. A lost power ends it with an error.
 */
export type Outcome = 'reboot' | 'reset' | 'halt' | 'off';

/** One boot of a machine, from power on (or reboot) to its end. */
export class Boot {
  readonly id = randomUUID();
  readonly log: BootLog;
  readonly services: ServiceTable;
  readonly resources: ResourceStore;
  /** The system that booted; what is installed on the disk may be another one by now. */
  readonly system: InstalledSystem;
  readonly node: NodeServices;
  configuration: MachineConfiguration | undefined;
  etcd: EtcdService | undefined;
  /** Whether a configured machine's services run. */
  up = false;
  private begun = false;
  private busy = false;
  private refreshing = false;
  private trial: AbortController | undefined;
  private stageNow: Stage = 'booting';
  private status: MachineStatus = { stage: 'booting', ready: false, unmet: [] };
  private readonly over = new AbortController();
  private readonly api: MachineApi;
  private conclude: (outcome: Outcome) => void = () => undefined;
  private accept: (configuration: MachineConfiguration) => void = () => undefined;

  constructor(
    readonly fleet: FleetContext,
    readonly guest: Guest,
    readonly disk: SystemDisk,
    private readonly rebooted: boolean,
  ) {
    const now = (): number => fleet.world.clock.now();
    this.system = { ...disk.installed };
    this.log = new BootLog(now);
    this.resources = new ResourceStore(now);
    this.services = new ServiceTable(now, (service) => this.serviceChanged(service));
    this.api = new MachineApi(fleet, guest, this.over.signal);
    this.node = new NodeServices(this);
  }

  /** Aborted when the boot is over. */
  get signal(): AbortSignal {
    return this.over.signal;
  }

  get stage(): Stage {
    return this.stageNow;
  }

  get listens(): boolean {
    return this.api.listens !== undefined;
  }

  /** Whether others can call this machine with the certificates of its cluster. */
  get reachable(): boolean {
    return this.api.listens === 'configured';
  }

  /** Runs until the boot ends. @throws the signal's reason when the power is cut. */
  async live(signal: AbortSignal): Promise<Outcome> {
    const cut = (): void => this.over.abort();
    signal.addEventListener('abort', cut, { once: true });
    const concluded = new Promise<Outcome>((resolve) => (this.conclude = resolve));
    let outcome: Outcome | undefined;
    try {
      outcome = await Promise.race([concluded, this.course(), forever(signal)]);
      return outcome;
    } finally {
      signal.removeEventListener('abort', cut);
      await this.end(outcome === undefined || outcome === 'reset' ? 'at once' : 'in order');
    }
  }

  /** The machine goes down in the way named; what runs on it is cut off unless it was stopped before. */
  finish(outcome: Outcome): void {
    this.conclude(outcome);
  }

  /** Whether the system has come up far enough to react to anything. */
  get reacts(): boolean {
    return this.begun && !this.signal.aborted;
  }

  /** @returns false while another sequence runs. */
  beginSequence(): boolean {
    if (this.busy) return false;
    return (this.busy = true);
  }

  endSequence(): void {
    this.busy = false;
  }

  /** A machine in maintenance mode got its configuration. */
  configure(configuration: MachineConfiguration): void {
    this.accept(configuration);
  }

  /** A running machine takes another configuration over. */
  async reconfigure(next: MachineConfiguration): Promise<void> {
    const before = this.configuration;
    this.configuration = next;
    if (before) this.node.configurationChanged(before, next);
    if (before?.certSans.join() !== next.certSans.join()) await this.api.serve(next);
    this.refresh();
  }

  /** Takes a configuration over for a while, then goes back to the one on the disk. */
  tryConfiguration(next: MachineConfiguration, milliseconds: number): void {
    const trial = new AbortController();
    this.trial = trial;
    const back = this.configuration!;
    const signal = AbortSignal.any([trial.signal, this.signal]);
    this.reconfigure(next)
      .then(() => this.fleet.world.clock.delay(milliseconds, signal))
      .then(() => this.reconfigure(back))
      .catch((error: unknown) => this.fleet.failed(`talos ${this.guest.node}`, error));
  }

  cancelTry(): void {
    this.trial?.abort();
    this.trial = undefined;
  }

  setStage(stage: Stage): void {
    if (this.stageNow === stage) return;
    this.stageNow = stage;
    this.announceStage();
    this.refresh();
  }

  /** Looks at everything MachineStatus and the resources depend on, and tells what changed. */
  refresh(): void {
    if (this.signal.aborted) return;
    this.node.reflectEtcd();
    if (this.stageNow === 'booting' && this.up && this.node.started) return this.bootDone();
    const status = machineStatus(this.stageNow, this.services, this.node.readiness());
    const changed = JSON.stringify(status) !== JSON.stringify(this.status);
    this.status = status;
    for (const [kind, contents] of resourcesOf(resourceFacts(this, status))) this.resources.put(kind, contents);
    if (changed) this.publishStatus(status);
  }

  /** What other emulators see. */
  machine(): Machine {
    const { configuration, guest } = this;
    return {
      vmid: guest.vmid,
      generation: guest.generation,
      node: guest.node,
      address: guest.address,
      role: configuration?.role ?? 'worker',
      stage: this.stageNow,
      talosVersion: this.system.version,
      schematic: this.system.schematic,
      extensions: this.fleet.images.extensionsOf(this.system.schematic),
      kubelet: this.node.kubeletVersion,
      staticPods: configuration?.role === 'controlplane' ? configuration.clusterPki.kubernetesVersion : '',
      nodeLabels: configuration?.nodeLabels ?? {},
      nodeTaints: configuration?.nodeTaints ?? {},
      uuid: guest.hardware.uuid,
      bootId: this.id,
      hardware: guest.hardware,
    };
  }

  /** Whether this version's machine API has the method. */
  serves(path: string): boolean {
    const fresh = path.startsWith('/machine.LifecycleService/') || path.startsWith('/machine.ImageService/');
    return !fresh || atLeast(this.system.version, 1, 13);
  }

  announceWrite(path: string): void {
    const method = path.slice(path.lastIndexOf('/') + 1);
    this.fleet.world.events.emit({ type: 'api.write', api: 'talos', method, path, subject: this.guest.node });
  }

  private async course(): Promise<never> {
    const { world } = this.fleet;
    try {
      await world.clock.delay(world.durations.boot, this.signal);
      this.configuration = this.diskConfiguration();
      if (world.faults.strikes('never-boots', this.guest.node)) return await forever(this.signal);
      this.begin();
      const fresh = this.configuration === undefined;
      this.configuration ??= await this.maintenance();
      await this.runConfigured(this.configuration, fresh);
    } catch (error) {
      // The end of the boot ends everything that waits in it; whoever ended it knows the outcome.
      if (!isAbort(error)) throw error;
    }
    return new Promise<never>(() => undefined);
  }

  private diskConfiguration(): MachineConfiguration | undefined {
    const { configuration } = this.disk;
    return configuration === undefined ? undefined : MachineConfiguration.parse(configuration);
  }

  private begin(): void {
    this.begun = true;
    for (const action of ['START', 'STOP']) this.log.publish('SequenceEvent', { sequence: 'initialize', action });
    this.services.startBase();
    const stop = this.fleet.onChange(() => this.refreshSoon());
    this.signal.addEventListener('abort', stop, { once: true });
    this.announceStage();
    this.refresh();
  }

  private async maintenance(): Promise<MachineConfiguration> {
    const accepted = new Promise<MachineConfiguration>((resolve) => (this.accept = resolve));
    this.log.publish('TaskEvent', { task: 'runningMaintenance', action: 'START' });
    this.setStage('maintenance');
    await this.api.serve(undefined);
    const configuration = await Promise.race([accepted, forever(this.signal)]);
    this.log.publish('TaskEvent', { task: 'runningMaintenance', action: 'STOP' });
    this.setStage('booting');
    return configuration;
  }

  private async runConfigured(configuration: MachineConfiguration, fresh: boolean): Promise<void> {
    const { world } = this.fleet;
    this.log.publish('SequenceEvent', { sequence: 'boot', action: 'START' });
    const served = this.api.serve(configuration);
    served.catch(() => undefined);
    if (fresh) await world.clock.delay(world.durations.install, this.signal);
    if (!this.rebooted && world.faults.strikes('boot-stalls', this.guest.node)) await forever(this.signal);
    this.up = true;
    this.node.start(this.configuration ?? configuration);
    this.fleet.changed();
    this.refresh();
    await served;
  }

  /** Once for whatever happens together in the fleet. */
  private refreshSoon(): void {
    if (this.refreshing) return;
    this.refreshing = true;
    setImmediate(() => {
      this.refreshing = false;
      this.refresh();
    });
  }

  private bootDone(): void {
    this.log.publish('SequenceEvent', { sequence: 'boot', action: 'STOP' });
    this.setStage('running');
  }

  private announceStage(): void {
    const { vmid, node, address, role, stage, talosVersion, schematic, kubelet } = this.machine();
    this.fleet.world.events.emit({ type: 'machine.stage', vmid, node, address, stage });
    if (stage !== 'running') return;
    const release = { talosVersion, schematic, kubelet };
    this.fleet.world.events.emit({ type: 'machine.running', vmid, node, address, role, ...release });
  }

  private publishStatus({ stage, ready, unmet }: MachineStatus): void {
    const name = stage.toUpperCase().replace(' ', '_');
    this.log.publish('MachineStatusEvent', { stage: name, status: { ready, unmet_conditions: unmet } });
  }

  private serviceChanged({ id, state, message, healthy }: Service): void {
    const health = { unknown: healthy === undefined, healthy: healthy === true, last_message: '' };
    this.log.publish('ServiceStateEvent', { service: id, action: state.toUpperCase(), message, health });
  }

  private async end(how: 'at once' | 'in order'): Promise<void> {
    this.over.abort();
    this.node.stop();
    this.up = false;
    const { vmid, node, address } = this.machine();
    if (this.begun) this.fleet.world.events.emit({ type: 'machine.down', vmid, node, address });
    this.fleet.changed();
    await this.api.close(how);
  }
}
