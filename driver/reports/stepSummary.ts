import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isGood, type Recorded } from '../events';
import type { RunLog } from '../runLog';
import { duration, fromTo } from '../views/format';
import { askedText } from '../views/text';
import { markdownTable } from '../views/markdown';
import { reportOf, type NodeReport, type RunReport } from './model';

/** Events after which the summary says something else. */
const TELLING: Recorded['type'][] = [
  'run.started',
  'run.interrupted',
  'prepare.finished',
  'node.started',
  'rollback.started',
  'node.finished',
  'run.finished',
];

/**
 * Keeps GitHub's summary of a step as the run is now, so that one that is cancelled or killed leaves it as well. What the
 * step had written before stays. A summary that cannot be written becomes a notice: the run goes on.
 */
export function keepStepSummary(log: RunLog, file: string): void {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  let told = false;
  log.listen((event) => {
    if (!TELLING.includes(event.type)) return;
    try {
      writeFileSync(file, `${before}${stepSummary(log.events)}\n`);
    } catch (error) {
      if (told) return;
      told = true;
      log.emit({ type: 'notice', subject: 'step summary', message: `not written: ${(error as Error).message}` });
    }
  });
}

/** A run as Markdown: how far it is, its nodes, and how to go on where it has stopped. */
export function stepSummary(events: readonly Recorded[]): string {
  const report = reportOf(events);
  const rows = report.nodes.map((node) => [node.name, node.role, fromTo(node.from, node.to), ...stateOf(node)]);
  return [
    `### ${report.command}: ${report.stack}`,
    '',
    `${headline(report)}${report.reason === undefined ? '' : ` Why: ${report.reason}.`}`,
    ...(rows.length === 0 ? [] : ['', markdownTable(['Node', 'Role', 'Talos', '', 'Took', ''], rows).trimEnd()]),
    ...report.interrupted.map((message) => `\n${message}`),
    ...(report.message === undefined ? [] : [`\n${report.message}`]),
    '',
  ].join('\n');
}

function headline({ nodes, outcome, ms, exitCode, run, parallel }: RunReport): string {
  const finished = nodes.filter((node) => node.outcome !== 'not started' && node.outcome !== 'under way').length;
  const far = nodes.length === 0 ? '' : ` ${finished} of ${nodes.length} nodes,`;
  const state =
    outcome === 'cut off' ? 'under way' : `${outcome}${exitCode === undefined ? '' : `, exit code ${exitCode}`}`;
  return `**${state}**,${far} ${duration(ms)}, run \`${run}\`${askedText(parallel)}.`;
}

const MARKS: Partial<Record<NodeReport['outcome'], string>> = { 'not started': '·', 'under way': '▶' };

function stateOf({ outcome, ms, message = '' }: NodeReport): string[] {
  const mark = MARKS[outcome] ?? (isGood(outcome) ? '✅' : '❌');
  return [`${mark} ${outcome}`, outcome === 'not started' ? '' : duration(ms), message];
}
