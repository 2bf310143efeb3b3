import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { EventLog, Recorded } from '../world/events.js';
import { parseAuditLine } from './audit-log.js';
import { AvailabilityRule } from './availability.js';
import { EvictionRule } from './evictions.js';
import { LineReader } from './file-reader.js';
import { Fleet, isByHand, type PlannedNode } from './fleet.js';
import { IdentityRule } from './identity.js';
import type { KubernetesSource, NodeStatus } from './kubernetes.js';
import { LeakRule } from './leaks.js';
import type { Secret } from './needles.js';
import { OrderRule } from './order.js';
import { PlannedVmRule } from './planned-vm.js';
import { powerLoss } from './power.js';
import type { Process } from './processes.js';
import { QuorumRule } from './quorum.js';
import { StorageRule } from './storage.js';
import { type Invariant, type Judgement, type Moment, VerdictBook, writeJudgement } from './verdict.js';

export interface MonitorOptions {
  events: EventLog;
  /** Milliseconds since the epoch, of the same clock as the events. */
  now: () => number;
  /** Where the judgement is written whenever it changes; nowhere when absent. */
  verdictFile?: string;
  /** The API server's audit log (policy: AUDIT_POLICY); may come into being later. Without it I4 is not watched. */
  auditLog?: string;
  /** The guarded LINSTOR storage pool; lvm-thick by default. */
  guardedPool?: string;
  /** Kubernetes users of the lab's own parts, which may delete pods. */
  labUsers?: readonly string[];
  /** How often files and process lists are looked through, milliseconds; 0: only on events and when asked. */
  scanInterval?: number;
  /** The process list; the machine's own by default. */
  processes?: () => Process[];
}

/**
 * Watches from outside that I1 to I7 hold, whoever acts on the world. It reads the world's events, Kubernetes' watches
 * and audit log, registered files and the process list, and shares no code with what it judges.
 */
export class SafetyMonitor {
  private readonly book: VerdictBook;
  private readonly fleet = new Fleet();
  private readonly availability: AvailabilityRule;
  private readonly order: OrderRule;
  private readonly quorum: QuorumRule;
  private readonly storage: StorageRule;
  private readonly evictions: EvictionRule;
  private readonly plannedVm: PlannedVmRule;
  private readonly identity: IdentityRule;
  private readonly leaks: LeakRule;
  private readonly audit: LineReader | undefined;
  private kubernetes: KubernetesSource | undefined;
  private armedAt: number | null = null;
  private armedOnce = false;
  private workersOut = 1;
  private readonly closers: (() => void)[] = [];
  private closing: Promise<Judgement> | undefined;

  constructor(private readonly options: MonitorOptions) {
    this.book = new VerdictBook(
      () => this.moment(),
      () => this.write(),
    );
    const { report } = this.book;
    this.availability = new AvailabilityRule(this.fleet, report, (name) => this.readNode(name));
    this.order = new OrderRule(this.fleet, report);
    this.quorum = new QuorumRule(this.fleet, report);
    this.storage = new StorageRule(this.fleet, report, options.guardedPool ?? 'lvm-thick');
    this.evictions = new EvictionRule(report, options.labUsers ?? []);
    this.plannedVm = new PlannedVmRule(this.fleet, report);
    this.identity = new IdentityRule(report);
    this.leaks = new LeakRule(report, options.processes);
    this.audit = options.auditLog === undefined ? undefined : new LineReader(options.auditLog);
    this.closers.push(options.events.subscribe((event) => this.onEvent(event)));
    this.followAudit();
    this.scanNowAndThen();
    this.write();
  }

  /** Begins the watch over I1 to I5: the cluster is complete, and `plan` says which VM is which node's. */
  arm(plan: readonly PlannedNode[]): void {
    this.readAudit();
    this.fleet.arm(plan);
    this.armedAt = this.options.now();
    this.armedOnce = true;
    this.availability.arm();
    this.order.arm();
    this.quorum.arm();
    this.write();
  }

  /** Ends the watch over I1 to I5 until the next `arm`: the whole cluster is torn down on purpose. */
  disarm(): void {
    this.readAudit();
    this.armedAt = null;
    this.fleet.disarm();
    this.write();
  }

  get armed(): boolean {
    return this.armedAt !== null;
  }

  /** TALOS_DESTROY_SECRETS was given to the program: one change of the Talos secrets is no violation. */
  allowSecretsChange(): void {
    this.identity.allowChange();
  }

  /**
   * The operator asks for up to so many workers out at the same time; 1 is the rule again. Told by whoever gives that order
   * to the driver, and never by the driver. @throws RangeError for anything but a whole number above 0.
   */
  allowWorkersOut(count: number): void {
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`expected a whole number above 0, found ${count}`);
    this.workersOut = count;
    this.availability.allow(count);
    this.write();
  }

  /** Begins Kubernetes' watches; a former source is left. */
  connect(source: KubernetesSource): void {
    this.kubernetes?.stop();
    this.fleet.forgetKubernetes();
    this.kubernetes = source;
    source.start({
      node: (name, status) => this.onNode(name, status),
      budget: (key, status) => this.evictions.onBudget(key, status, this.moment(), this.armed),
      pod: (key, labels) => this.evictions.onPod(key, labels),
    });
    this.write();
  }

  /** @throws RangeError when the secret is too short to be looked for. */
  addSecret(secret: Secret): void {
    this.leaks.addSecret(secret);
  }

  /** Files and folders in which no secret may stand; they may come into being later. */
  addFiles(...paths: string[]): void {
    this.leaks.addFiles(...paths);
  }

  /** Looks at everything once more and says how things stand. */
  async judgement(): Promise<Judgement> {
    this.readAudit();
    this.leaks.scanFiles();
    this.leaks.scanProcesses();
    await this.availability.settled();
    return this.current();
  }

  /** How things stood when it last looked. */
  current(): Judgement {
    return this.book.judgement(this.armedAt, this.unwatched(), this.workersOut);
  }

  /** A last look, then everything is let go of. @returns the final judgement, which the verdict file holds as well. */
  close(): Promise<Judgement> {
    this.closing ??= this.letGo();
    return this.closing;
  }

  private async letGo(): Promise<Judgement> {
    const judgement = await this.judgement();
    for (const close of this.closers.splice(0)) close();
    this.kubernetes?.stop();
    this.write();
    return judgement;
  }

  private onEvent(event: Recorded): void {
    const byHand = isByHand(event);
    if (this.armed && !byHand) this.judgeDeed(event);
    this.fleet.apply(event);
    this.quorum.onEvent(event, this.armed);
    this.storage.onEvent(event, this.armed);
    this.identity.onEvent(event);
    if (this.armed && event.type === 'machine.running') this.order.machineRunning(event.node);
    if (this.armed) this.fleetChanged({ at: event.at, seq: event.seq }, byHand);
    // The caller of an API is alive while the API answers: now its command line can be seen.
    if (event.type === 'api.write') this.leaks.scanProcesses();
  }

  /** What is done to VMs is judged by how things stood before. */
  private judgeDeed(event: Recorded): void {
    this.plannedVm.check(event);
    if (event.type === 'vm.deleted') this.order.vmDeleted(this.nodeName(event.name), { at: event.at, seq: event.seq });
    const told = powerLoss(event);
    if (!told) return;
    const loss = { ...told, name: this.nodeName(told.name) };
    this.quorum.powerLost(loss);
    this.storage.powerLost(loss);
  }

  /** The node behind a VM's name. */
  private nodeName(vmName: string): string {
    return this.fleet.nodeOfVm(vmName)?.name ?? vmName;
  }

  private onNode(name: string, status: NodeStatus | undefined): void {
    this.fleet.applyNode(name, status);
    if (this.armed) this.fleetChanged(this.moment());
  }

  private fleetChanged(moment: Moment, byHand = false): void {
    this.availability.check(moment, byHand);
    this.order.noteServing();
  }

  private readNode(name: string): Promise<NodeStatus | undefined> {
    return this.kubernetes?.readNode(name) ?? Promise.reject(new Error('no Kubernetes source'));
  }

  private readAudit(): void {
    this.audit?.read((line) => {
      const entry = parseAuditLine(line);
      if (entry) this.evictions.onAudit(entry, { at: entry.at, seq: this.moment().seq }, this.armed);
    });
  }

  private followAudit(): void {
    const { auditLog } = this.options;
    if (auditLog === undefined) return;
    const watcher = watch(dirname(auditLog), (_, name) => {
      if (name === basename(auditLog)) this.readAudit();
    });
    this.closers.push(() => watcher.close());
  }

  private scanNowAndThen(): void {
    const { scanInterval = 0 } = this.options;
    if (scanInterval <= 0) return;
    const timer = setInterval(() => {
      this.leaks.scanFiles();
      this.leaks.scanProcesses();
    }, scanInterval).unref();
    this.closers.push(() => clearInterval(timer));
  }

  private moment(): Moment {
    return { at: this.options.now(), seq: this.options.events.all().at(-1)?.seq ?? -1 };
  }

  private unwatched(): Partial<Record<Invariant, string>> {
    const early = this.armedOnce ? undefined : 'the cluster was not complete yet';
    const noKubernetes = this.kubernetes ? undefined : 'no Kubernetes API to watch';
    const noAudit = this.audit ? undefined : 'no audit log of the Kubernetes API';
    const reasons: [Invariant, string | undefined][] = [
      ['I1', early ?? noKubernetes],
      ['I2', early],
      ['I3', early],
      ['I4', early ?? noKubernetes ?? noAudit],
      ['I5', early],
    ];
    return Object.fromEntries(reasons.filter((entry): entry is [Invariant, string] => entry[1] !== undefined));
  }

  private write(): void {
    if (this.options.verdictFile !== undefined) writeJudgement(this.options.verdictFile, this.current());
  }
}
