import Table from 'cli-table3';
import type { Phase } from '../phases';
import { fluxTable } from '../views/flux';
import { duration, fromTo } from '../views/format';
import { type NodeReport, type ReportFiles, reportOf, type RunReport } from './model';
import type { Recorded } from '../events';

/** Columns of the table; phases that belong together share one. */
const COLUMNS: { title: string; phases: Phase[] }[] = [
  { title: 'turn', phases: ['turn'] },
  { title: 'drain', phases: ['drain'] },
  { title: 'evacuate', phases: ['evacuate'] },
  { title: 'etcd', phases: ['etcd leave', 'etcd spare', 'etcd join'] },
  { title: 'VM', phases: ['identity', 'delete VM', 'create VM', 'configure', 'pull', 'change', 'roll back'] },
  { title: 'join', phases: ['join'] },
  { title: 'restore', phases: ['restore', 'uncordon'] },
  { title: 'health', phases: ['health'] },
];

/** A run's nodes as a table for a terminal. */
export function nodeTable(nodes: readonly NodeReport[]): string {
  const table = new Table({
    head: ['node', 'role', 'release', ...COLUMNS.map((column) => column.title), 'total', 'outcome'],
    style: { head: [], border: [], compact: true },
  });
  for (const report of nodes) {
    const cells = COLUMNS.map(({ phases }) => phaseCell(report, phases));
    const total = report.ms > 0 ? duration(report.ms) : '';
    table.push([report.name, report.role, fromTo(report.from, report.to), ...cells, total, report.outcome]);
  }
  return table.toString();
}

function phaseCell(report: NodeReport, phases: Phase[]): string {
  const ran = phases.filter((phase) => report.phases[phase] !== undefined);
  if (ran.length === 0) return '';
  return duration(ran.reduce((sum, phase) => sum + (report.phases[phase] ?? 0), 0));
}

/** How long each part of a run took that was about the whole cluster. */
function stageTable(stages: RunReport['stages']): string {
  const table = new Table({ head: ['step', 'time'], style: { head: [], border: [], compact: true } });
  for (const { stage, ms } of stages) table.push([stage, duration(ms)]);
  return table.toString();
}

/** A run for people: who, what, when, why, its nodes, and how it ended. */
export function reportText(report: RunReport): string {
  return [...heading(report), ...tables(report), ...endings(report)].join('\n');
}

function tables({ nodes, stages, flux }: RunReport): string[] {
  return [
    ...(nodes.length > 0 ? [nodeTable(nodes)] : []),
    ...(flux === undefined ? [] : [fluxText(flux)]),
    ...(stages.length > 0 ? [stageTable(stages)] : []),
  ];
}

function fluxText(objects: NonNullable<RunReport['flux']>): string {
  return objects.length > 0 ? fluxTable(objects) : 'Flux: no object of it is in the cluster, it brings nothing back';
}

function heading(report: RunReport): string[] {
  const { command, stack, run, actor, reason, startedAt } = report;
  const by = actor === undefined ? '' : `, by ${actorText(actor)}`;
  return [
    `${command} ${stack}, run ${run}${by}, ${startedAt.slice(0, 19).replace('T', ' ')} UTC`,
    `Command: ${commandLine(report)}`,
    ...(report.parallel === undefined
      ? []
      : [`Up to ${report.parallel} workers out at the same time, as was asked for.`]),
    ...(reason === undefined ? [] : [`Reason: ${reason}`]),
  ];
}

/** alice (GITHUB_ACTOR) as runner@host */
export function actorText(actor: NonNullable<RunReport['actor']>): string {
  const account = `${actor.user}@${actor.host}`;
  return actor.source === 'login' ? account : `${actor.name} (${actor.source}) as ${account}`;
}

/** The command line as it would be written. */
export function commandLine(report: RunReport): string {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const flag = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const options = Object.entries(report.options).map(([name, value]) => {
    if (value === true) return flag(name);
    return [flag(name), ...(Array.isArray(value) ? value : [value]).map(text)].join(' ');
  });
  return ['prox-ops', report.command, ...report.arguments, ...options].join(' ');
}

function endings(report: RunReport): string[] {
  const code = report.exitCode === undefined ? '' : `, exit code ${report.exitCode}`;
  const problems = report.nodes.flatMap(({ name, message }) => (message === undefined ? [] : [`${name}: ${message}`]));
  return [
    ...report.reconciled.map((what) => `Reconciled: ${what}`),
    ...problems,
    ...report.notices.map((notice) => `Notice: ${notice}`),
    `${report.outcome} after ${duration(report.ms)}${code}${report.message === undefined ? '' : `: ${report.message}`}`,
  ];
}

/** What a command says once its run is over: its nodes as a table, and where to read more. */
export function closingText(events: readonly Recorded[], files: ReportFiles): string {
  const shown = events.length === 0 ? [] : tables(reportOf(events));
  const report = files.html === undefined ? [] : [`Report: ${files.html}`];
  return ['', ...shown, `Event log: ${files.log}`, ...report, ''].join('\n');
}
