import type { Fleet } from './fleet.js';
import type { NodeStatus } from './kubernetes.js';
import type { Moment, Report } from './verdict.js';

/** What kubelets and faults do on their own; everything else that makes a node unavailable is somebody's deed. */
const SPONTANEOUS = new Set(['not Ready']);

/** Reasons that only Kubernetes' watch tells, which lags behind the world's events by a moment. */
const TOLD_BY_WATCH = new Set(['not Ready', 'cordoned', 'no Kubernetes node']);

/**
 * I1: a violation is the moment at which a node is taken out of service by a deed (cordon, VM stopped or deleted,
 * machine rebooted, Kubernetes node deleted) while another one is out of service for whatever reason. A second node
 * that breaks by itself, or that somebody takes away by hand, is not through us. Where it was announced that several
 * workers may be out, so many workers may be: never beside a control plane, nor beside one that is broken by itself.
 */
export class AvailabilityRule {
  private unavailable = new Map<string, string[]>();
  private readonly checks = new Set<Promise<void>>();
  /** Workers that may be out through us at the same time. */
  private limit = 1;

  constructor(
    private readonly fleet: Fleet,
    private readonly report: Report,
    private readonly readNode: (name: string) => Promise<NodeStatus | undefined>,
  ) {}

  allow(workers: number): void {
    this.limit = workers;
  }

  /** Begins with what is unavailable now. */
  arm(): void {
    this.unavailable = this.look();
  }

  /** To be called after every change of the fleet; `byHand`: somebody at a host's console caused it. */
  check(moment: Moment, byHand = false): void {
    const before = this.unavailable;
    this.unavailable = this.look();
    for (const [name, reasons] of this.unavailable) {
      if (before.has(name) || reasons.every((reason) => SPONTANEOUS.has(reason))) continue;
      if (byHand || this.fleet.wasRobbed(name)) continue;
      const others = new Map([...this.unavailable].filter(([other]) => other !== name));
      if (!this.mayBeOut(name, others)) this.taken(name, reasons, others, moment);
    }
  }

  /** Resolves when nothing is left in doubt. */
  async settled(): Promise<void> {
    while (this.checks.size > 0) await Promise.all(this.checks);
  }

  private mayBeOut(name: string, others: Map<string, string[]>): boolean {
    if (others.size === 0) return true;
    if (others.size + 1 > this.limit) return false;
    const workers = [name, ...others.keys()].every((node) => this.fleet.node(node)?.role === 'worker');
    const broken = [...others.values()].some((reasons) => reasons.every((reason) => SPONTANEOUS.has(reason)));
    return workers && !broken;
  }

  private look(): Map<string, string[]> {
    const entries = this.fleet.known().map(({ name }) => [name, this.fleet.reasons(name)] as const);
    return new Map(entries.filter(([, reasons]) => reasons.length > 0));
  }

  /**
   * The watch may not have told yet that the other node is back in service. Who takes a node out after being told so
   * did so after the API server knew it, hence a read made now knows it as well.
   */
  private taken(name: string, reasons: string[], others: Map<string, string[]>, moment: Moment): void {
    const certain = (list: string[]) => list.some((reason) => !TOLD_BY_WATCH.has(reason));
    const causeIsWatched = reasons.every((reason) => TOLD_BY_WATCH.has(reason));
    if (causeIsWatched || [...others.values()].some(certain)) {
      this.violated(name, reasons, others, moment);
      return;
    }
    const check: Promise<void> = this.confirm(name, reasons, others, moment).finally(() => this.checks.delete(check));
    this.checks.add(check);
  }

  private async confirm(name: string, reasons: string[], others: Map<string, string[]>, moment: Moment): Promise<void> {
    for (const other of [...others.keys()]) {
      const status = await this.readNode(other).catch(() => ({ ready: false, cordoned: true }));
      if (status?.ready && !status.cordoned) others.delete(other);
    }
    if (!this.mayBeOut(name, others)) this.violated(name, reasons, others, moment);
  }

  private violated(name: string, reasons: string[], others: Map<string, string[]>, moment: Moment): void {
    const out = [...others].map(([other, why]) => `${other} (${why.join(', ')})`);
    const what = `${name} was taken out of service (${reasons.join(', ')}) while ${out.join(' and ')} was out of service`;
    const unavailable = Object.fromEntries([[name, reasons], ...others]);
    const evidence = { unavailable, ...(this.limit > 1 && { limit: this.limit }) };
    this.report('I1', what, evidence, moment);
  }
}
