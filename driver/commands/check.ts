import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { checkStack, isBlocked, type PolicyReport } from '../check/check';
import { markdownReport } from '../check/markdown';
import { packsFor, type PolicyOptions } from '../check/packs';
import { sarifReport } from '../check/sarif';
import { textReport } from '../check/text';
import { linesOf, type Lines } from '../check/where';
import { CommandError, ExitCode } from '../exit';
import { openStack } from '../project';
import { projectFrom, type CommonOptions } from './options';

export interface CheckCommandOptions extends CommonOptions, PolicyOptions {
  /** Judge the change as a rollout makes it, one node after the other. */
  roll?: boolean;
  /** Files to write, each in the format of its ending. */
  out?: string[];
}

const FORMATS: Record<string, (report: PolicyReport, lines: Lines) => string> = {
  '.json': (report) => `${JSON.stringify(report, null, 2)}\n`,
  '.sarif': (report, lines) => `${JSON.stringify(sarifReport(report, lines), null, 2)}\n`,
  '.md': markdownReport,
  '.txt': (report, lines) => `${textReport(report, lines)}\n`,
};

/** `prox-ops check`: what all policies say about the update that the stack file asks for. Changes nothing. */
export async function checkCommand(options: CheckCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const files = options.out ?? [];
  for (const file of files)
    if (!(extname(file) in FORMATS))
      throw new CommandError(`--out: expected a file ending in ${Object.keys(FORMATS).join(', ')}, found ${file}.`);
  const stack = await openStack(project, true);
  const report = await checkStack({ stack, packs: packsFor(options), oneByOne: options.roll === true });
  const lines = linesOf(project.stackFile, await readFile(project.stackFile, 'utf8'));
  for (const file of files) await writeFile(file, FORMATS[extname(file)]?.(report, lines) ?? '');
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (summary !== undefined && summary !== '') await appendFile(summary, markdownReport(report, lines));
  process.stdout.write(FORMATS[options.json === true ? '.json' : '.txt']?.(report, lines) ?? '');
  return isBlocked(report) ? ExitCode.blocked : ExitCode.ok;
}
