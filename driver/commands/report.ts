import Table from 'cli-table3';
import { ExitCode } from '../exit';
import type { Recorded } from '../events';
import { runEvents, runIds } from '../reports/eventLog';
import { writeAtomically } from '../reports/files';
import { htmlReport } from '../reports/html';
import { reportOf, type RunReport } from '../reports/model';
import { metricsText } from '../reports/prometheus';
import { actorText, reportText } from '../reports/table';
import { duration } from '../views/format';
import { findDirectory } from '../project';
import type { CommonOptions } from './options';

export const REPORT_FORMATS = ['text', 'json', 'html', 'prometheus'] as const;

export interface ReportCommandOptions extends CommonOptions {
  format: (typeof REPORT_FORMATS)[number];
  output?: string;
  list?: boolean;
}

const FORMATS: Record<ReportCommandOptions['format'], (events: Recorded[]) => string> = {
  text: (events) => `${reportText(reportOf(events))}\n`,
  json: (events) => `${JSON.stringify(reportOf(events), null, 2)}\n`,
  html: (events) => htmlReport(reportOf(events), events),
  prometheus: (events) => metricsText(reportOf(events)),
};

/** `prox-ops report [RUN]`: a run from its event log, also one that was killed or still goes on. */
export async function reportCommand(run: string | undefined, options: ReportCommandOptions): Promise<ExitCode> {
  const project = findDirectory(options.cwd ?? process.cwd());
  const text =
    options.list === true
      ? await listText(project, options)
      : FORMATS[formatOf(options)](await runEvents(project, run));
  if (options.output === undefined) process.stdout.write(text);
  else writeAtomically(options.output, text, options.format === 'prometheus' ? 0o644 : 0o600);
  return ExitCode.ok;
}

/** `--json` is every command's way to ask for JSON. */
function formatOf({ json, format }: ReportCommandOptions): ReportCommandOptions['format'] {
  return json === true ? 'json' : format;
}

/** Who did what, when and why. */
async function listText(project: string, options: ReportCommandOptions): Promise<string> {
  const logs = await Promise.all((await runIds(project)).map((id) => runEvents(project, id)));
  const reports = logs.filter((events) => events.length > 0).map(reportOf);
  const chosen = reports.filter(({ stack }) => options.stack === undefined || stack === options.stack);
  return `${formatOf(options) === 'json' ? JSON.stringify(chosen.map(summary), null, 2) : listTable(chosen)}\n`;
}

function summary({ nodes, ...run }: RunReport): object {
  return { ...run, nodes: nodes.map(({ name, outcome }) => ({ name, outcome })) };
}

function listTable(reports: RunReport[]): string {
  const table = new Table({
    head: ['run', 'stack', 'command', 'who', 'nodes', 'outcome', 'exit', 'took', 'why'],
    style: { head: [], border: [], compact: true },
  });
  for (const { run, stack, command, actor, nodes, outcome, exitCode, ms, reason } of reports) {
    const who = actor === undefined ? '' : actorText(actor);
    table.push([run, stack, command, who, nodes.length, outcome, exitCode ?? '', duration(ms), reason ?? '']);
  }
  return table.toString();
}
