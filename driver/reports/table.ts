import Table from 'cli-table3';
import { PHASES, type Phase } from '../phases';
import type { Outcome, Recorded, RunNode } from '../runLog';
import { duration, fromTo } from '../views/format';

export interface NodeReport extends RunNode {
  outcome: Outcome | 'not started';
  ms: number;
  /** Milliseconds of each phase that ran to its end. */
  phases: Partial<Record<Phase, number>>;
  message?: string;
}

/** A run, from its events: what the JSON report and the table are made of. */
export function reportOf(events: readonly Recorded[]): NodeReport[] {
  const reports = new Map<string, NodeReport>();
  for (const event of events) {
    if (event.type === 'run.started')
      for (const node of event.nodes) reports.set(node.name, { ...node, outcome: 'not started', ms: 0, phases: {} });
    if (event.type === 'phase.finished') {
      const report = reports.get(event.node);
      if (report) report.phases[event.phase] = (report.phases[event.phase] ?? 0) + event.ms;
    }
    if (event.type === 'node.finished') {
      const report = reports.get(event.node);
      if (report) Object.assign(report, { outcome: event.outcome, ms: event.ms, message: event.message });
    }
  }
  return [...reports.values()];
}

/** Columns of the table; phases that belong together share one. */
const COLUMNS: { title: string; phases: Phase[] }[] = [
  { title: 'turn', phases: ['turn'] },
  { title: 'drain', phases: ['drain'] },
  { title: 'evacuate', phases: ['evacuate'] },
  { title: 'etcd', phases: ['etcd leave', 'etcd join'] },
  { title: 'VM', phases: ['identity', 'delete VM', 'create VM', 'configure'] },
  { title: 'join', phases: ['join'] },
  { title: 'restore', phases: ['restore', 'uncordon'] },
  { title: 'health', phases: ['health'] },
];

/** The run as a table for a terminal. */
export function reportTable(reports: NodeReport[]): string {
  const table = new Table({
    head: ['node', 'role', 'release', ...COLUMNS.map((column) => column.title), 'total', 'outcome'],
    style: { head: [], border: [], compact: true },
  });
  for (const report of reports) {
    const cells = COLUMNS.map(({ phases }) => phaseCell(report, phases));
    const total = report.ms > 0 ? duration(report.ms) : '';
    table.push([report.name, report.role, fromTo(report.from, report.to), ...cells, total, report.outcome]);
  }
  return table.toString();
}

function phaseCell(report: NodeReport, phases: Phase[]): string {
  const ran = phases.filter((phase) => PHASES.includes(phase) && report.phases[phase] !== undefined);
  if (ran.length === 0) return '';
  return duration(ran.reduce((sum, phase) => sum + (report.phases[phase] ?? 0), 0));
}
