import type { Actor, Outcome, Recorded, RunEvent } from '../events';
import type { Phase } from '../phases';

/** Version of the JSON report's shape. */
const REPORT_VERSION = 1;

/** What a run leaves beside its event log. */
export interface ReportFiles {
  log: string;
  json?: string;
  html?: string;
}

/** A phase's time in a node's turn. */
export interface Span {
  phase: Phase;
  startedAt: string;
  ms: number;
  /** under way: the log ends in it. */
  state: 'finished' | 'failed' | 'under way';
}

export interface NodeReport {
  name: string;
  role: string;
  from?: string | undefined;
  to: string;
  outcome: Outcome | 'not started' | 'under way';
  startedAt?: string;
  ms: number;
  /** Milliseconds of each phase that ran to its end. */
  phases: Partial<Record<Phase, number>>;
  spans: Span[];
  rollbacks: { at: string; from: string; to: string; why: string }[];
  message?: string | undefined;
}

export interface RunReport {
  v: number;
  run: string;
  command: string;
  stack: string;
  actor?: Actor;
  arguments: string[];
  options: Record<string, unknown>;
  reason?: string | undefined;
  /** UTC, of the first and the last event. */
  startedAt: string;
  endedAt: string;
  ms: number;
  /** cut off: the log has no end, so the run was killed or still goes on. */
  outcome: Extract<RunEvent, { type: 'run.finished' }>['outcome'] | 'cut off';
  exitCode?: number;
  message?: string | undefined;
  prepareMs?: number;
  /** At most so many workers at the same time, as was asked for; absent: one node at a time. */
  parallel?: number;
  /** Parts of the run that were about the whole cluster, in their order. */
  stages: { stage: string; ms: number }[];
  /** Flux as it stood at last; absent when nobody looked. */
  flux?: Extract<RunEvent, { type: 'flux' }>['objects'];
  reconciled: string[];
  interrupted: string[];
  notices: string[];
  nodes: NodeReport[];
}

/** A run from its events: what every report is made of. @throws RangeError without events. */
export function reportOf(events: readonly Recorded[]): RunReport {
  const [first] = events;
  const last = events.at(-1);
  if (!first || !last) throw new RangeError('expected at least one event, found none');
  const report = new ReportBuilder(first);
  for (const event of events) report.add(event);
  return report.end(last.at);
}

class ReportBuilder {
  private readonly nodes = new Map<string, NodeReport>();
  private readonly report: RunReport;

  constructor({ run, at }: Recorded) {
    this.report = {
      v: REPORT_VERSION,
      run,
      command: '',
      stack: '',
      arguments: [],
      options: {},
      startedAt: at,
      endedAt: at,
      ms: 0,
      outcome: 'cut off',
      stages: [],
      reconciled: [],
      interrupted: [],
      notices: [],
      nodes: [],
    };
  }

  add(event: Recorded): void {
    this.addToRun(event);
    this.addToNode(event);
  }

  end(at: string): RunReport {
    const { report } = this;
    report.endedAt = at;
    report.ms = Date.parse(at) - Date.parse(report.startedAt);
    report.nodes = [...this.nodes.values()];
    for (const node of report.nodes) {
      if (node.outcome === 'under way' && node.startedAt !== undefined)
        node.ms = Date.parse(at) - Date.parse(node.startedAt);
      for (const span of node.spans)
        if (span.state === 'under way') span.ms = Date.parse(at) - Date.parse(span.startedAt);
    }
    return report;
  }

  private addToRun(event: Recorded): void {
    const { report } = this;
    if (event.type === 'run.opened') {
      const { command, stack, actor, options, reason } = event;
      Object.assign(report, {
        command,
        stack,
        actor,
        options,
        arguments: event.arguments,
        ...(reason !== undefined && { reason }),
      });
    }
    if (event.type === 'run.started') {
      const { command, stack, parallel } = event;
      Object.assign(report, { command, stack, ...(parallel !== undefined && { parallel }) });
    }
    if (event.type === 'run.reconciled') report.reconciled.push(event.what);
    if (event.type === 'run.interrupted') report.interrupted.push(event.message);
    if (event.type === 'notice') report.notices.push(`${event.subject}: ${event.message}`);
    if (event.type === 'prepare.finished') report.prepareMs = event.ms;
    if (event.type === 'stage.finished') report.stages.push({ stage: event.stage, ms: event.ms });
    if (event.type === 'flux') report.flux = event.objects;
    if (event.type === 'run.finished') {
      const { outcome, exitCode, message } = event;
      Object.assign(report, { outcome, exitCode, ...(message !== undefined && { message }) });
    }
  }

  private addToNode(event: Recorded): void {
    switch (event.type) {
      case 'run.started':
        for (const node of event.nodes) Object.assign(this.node(node.name), node);
        break;
      case 'node.started': {
        const node = this.begun(event.node, event.at);
        // The turn of a rollback goes the other way; the node's release is what the run was to make of it.
        if (node.to === '')
          Object.assign(node, { to: event.to, ...(event.from !== undefined && { from: event.from }) });
        break;
      }
      case 'phase.started':
        this.startPhase(event);
        break;
      case 'phase.finished':
        this.finishPhase(event);
        break;
      case 'rollback.started': {
        const { at, from, to, why } = event;
        this.begun(event.node, at).rollbacks.push({ at, from, to, why });
        break;
      }
      case 'node.finished': {
        const node = this.begun(event.node, event.at);
        fail(node, event.at);
        // A rollback is a second turn: the node's time is that of both.
        Object.assign(node, { outcome: event.outcome, ms: node.ms + event.ms });
        if (event.message !== undefined) node.message = event.message;
        break;
      }
      default:
        break;
    }
  }

  private startPhase({ node: name, phase, at }: Extract<Recorded, { type: 'phase.started' }>): void {
    const node = this.begun(name, at);
    // The phases of a node come one after the other: one that did not end before the next has failed.
    fail(node, at);
    node.spans.push({ phase, startedAt: at, ms: 0, state: 'under way' });
  }

  private finishPhase({ node: name, phase, ms, at }: Extract<Recorded, { type: 'phase.finished' }>): void {
    const node = this.begun(name, at);
    node.phases[phase] = (node.phases[phase] ?? 0) + ms;
    const span = node.spans.findLast((candidate) => candidate.phase === phase && candidate.state !== 'finished');
    if (span) Object.assign(span, { ms, state: 'finished' });
  }

  private begun(name: string, at: string): NodeReport {
    const node = this.node(name);
    node.startedAt ??= at;
    if (node.outcome === 'not started') node.outcome = 'under way';
    return node;
  }

  private node(name: string): NodeReport {
    const known = this.nodes.get(name);
    if (known) return known;
    const fresh: NodeReport = {
      name,
      role: '',
      to: '',
      outcome: 'not started',
      ms: 0,
      phases: {},
      spans: [],
      rollbacks: [],
    };
    this.nodes.set(name, fresh);
    return fresh;
  }
}

function fail(node: NodeReport, at: string): void {
  for (const span of node.spans)
    if (span.state === 'under way')
      Object.assign(span, { state: 'failed', ms: Date.parse(at) - Date.parse(span.startedAt) });
}
