import { openNodes } from '@prox-ops/operations';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { PINS_FILE } from '../../config/pins';
import { marker, upsertComment } from '../ci/comment';
import { decide } from '../ci/decide';
import { repositoryFrom } from '../ci/github';
import { finding, syncIssue, type Finding } from '../ci/issues';
import { addSummary, pullRequestNumber, setOutputs } from '../ci/job';
import { lookAfter } from '../ci/look';
import { foreignDestinations } from '../ci/proposed';
import { rollInputs } from '../ci/rollInputs';
import { CommandError, ExitCode } from '../exit';
import { jobAddress } from '../identity';
import { rolloutLease } from '../lease';
import { openStack, type Project } from '../project';
import { checkStackText } from '../stackDocument';
import { checkStackFile, problemText, readStackFile } from '../stackFile';
import { abortCommand } from './abort';
import { projectFrom, type CommonOptions, type RunOptions } from './options';
import { rollCommand } from './roll';

/** `prox-ops ci comment NAME FILE`: a file as the pull request's comment of that name, written or changed. */
export async function ciCommentCommand(name: string, file: string): Promise<ExitCode> {
  const text = await textOf(file);
  const posted = await upsertComment(repositoryFrom(), pullRequestNumber(), name, text);
  process.stdout.write(`Comment ${marker(name)}: ${posted}.\n`);
  return ExitCode.ok;
}

/** `prox-ops ci look FILE`: the scheduled checks, as a file from which `prox-ops ci issues` makes issues. */
export async function ciLookCommand(file: string, options: CommonOptions): Promise<ExitCode> {
  const findings = await lookAfter(await openStack(projectFrom(options)));
  await writeFile(file, `${JSON.stringify(findings, null, 2)}\n`);
  for (const { ok, title, text } of findings) addSummary(`### ${ok ? '✅' : '❌'} ${title}\n\n${text}`);
  for (const { ok, id } of findings) process.stdout.write(`${ok ? '✓' : '✗'} ${id}\n`);
  return ExitCode.ok;
}

export interface IssuesOptions {
  /** `name=result` of jobs, as GitHub has it: success, failure, cancelled, skipped. */
  job?: string[];
}

/** `prox-ops ci issues [FILE]`: one open issue for each check that is not well, none for one that is. */
export async function ciIssuesCommand(file: string | undefined, options: IssuesOptions): Promise<ExitCode> {
  const jobs = (options.job ?? []).flatMap(jobFinding);
  const findings = [...(file === undefined ? [] : await findingsIn(file)), ...jobs];
  const repository = repositoryFrom();
  for (const check of findings) {
    const change = await syncIssue(repository, check, jobAddress(process.env));
    process.stdout.write(`${check.ok ? '✓' : '✗'} ${check.id}: issue ${change === 'none' ? 'not needed' : change}\n`);
  }
  return ExitCode.ok;
}

/** `prox-ops ci decide`: whether a merged change starts a rollout, for the jobs that follow. */
export async function ciDecideCommand(before: string, options: CommonOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const after = await readStackFile(project.stackFile);
  const checked = checkStackText(await fileAt(project, before));
  if (!checked.config || checked.problems.length > 0)
    throw new CommandError(`${project.stackFile} of ${before}: ${problemText(checked.problems)}`);
  const { roll, why, difference, major } = decide(checked.config, after);
  setOutputs({ roll: `${roll}`, major: `${major}`, difference, why });
  const text = roll ? `A rollout starts: ${why}` : `No rollout starts by itself: ${why}`;
  addSummary(`### ${text}\n\n${major ? 'Another major release: it needs an approval of its own.' : ''}`);
  const json = JSON.stringify({ roll, major, difference, why }, null, 2);
  process.stdout.write(`${options.json === true ? json : `${text}.${major ? ' It needs an approval.' : ''}`}\n`);
  return ExitCode.ok;
}

/** `prox-ops ci take DIRECTORY`: puts a proposed stack file and versions in place of ours, to be planned. */
export async function ciTakeCommand(directory: string, options: CommonOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const name = `Pulumi.${project.stackName}.yaml`;
  const proposed = join(directory, name);
  const [ours, theirs] = [await sides(project.stackFile), await sides(proposed)];
  const foreign = foreignDestinations(ours, theirs);
  if (foreign.length > 0)
    throw new CommandError(
      `${proposed} is not planned here, because credentials could go elsewhere:\n` +
        `${foreign.map((line) => `  ${line}`).join('\n')}\nA maintainer plans it: prox-ops plan`,
      ExitCode.blocked,
    );
  await writeFile(project.stackFile, await textOf(proposed));
  await writeFile(join(project.directory, PINS_FILE), await textOf(join(directory, PINS_FILE)));
  process.stdout.write(`${name} and ${PINS_FILE} are those of ${directory}.\n`);
  return ExitCode.ok;
}

/**
 * `prox-ops ci roll`: a rollout as the job's inputs ask for it. When it stops before the turn of its own runner's node, and
 * another job goes on (ROLL_GOES_ON), it tells that job so, and has done its part.
 */
export async function ciRollCommand(options: RunOptions): Promise<ExitCode> {
  const exitCode = await rollCommand({ ...options, ...rollInputs() });
  const handedOver = exitCode === ExitCode.handedOver && process.env.ROLL_GOES_ON === 'true';
  setOutputs({ 'handed-over': `${handedOver}` });
  return handedOver ? ExitCode.ok : exitCode;
}

/** `prox-ops ci stopped`: after a cancelled job, puts back what was out of the cluster and says how to go on. */
export async function ciStoppedCommand(options: RunOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const exitCode = await abortCommand(undefined, options).catch((error: unknown) => {
    if (!(error instanceof CommandError)) throw error;
    process.stdout.write(`${error.message}\n`);
    return error.exitCode;
  });
  const open = openNodes((await rolloutLease(stack).catch(() => undefined)) ?? {});
  const out = open.map(({ node, step }) => `${node} out of the cluster (${step})`).join(', ');
  const state =
    exitCode === ExitCode.ok && open.length === 0
      ? 'Stopped cleanly: no node is out of the cluster.'
      : `Stopped${out === '' ? '' : ` with ${out}`}: the next run finishes it first.`;
  const text = `${state} Go on with: run this workflow again, or prox-ops roll`;
  addSummary(`### ${text}`);
  process.stdout.write(`${text}\n`);
  return exitCode;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file}: expected a file, found ${(error as NodeJS.ErrnoException).code}.`);
  }
}

async function findingsIn(file: string): Promise<Finding[]> {
  const shape = z.array(finding);
  let raw: unknown;
  try {
    raw = JSON.parse(await textOf(file));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${file}: expected JSON, found ${(error as Error).message}.`);
  }
  const { success, data, error } = shape.safeParse(raw);
  if (success) return data;
  const lines = error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
  throw new CommandError(`${file}: expected what \`prox-ops ci look\` writes, found:\n${lines.join('\n')}`);
}

/** A job that was skipped or cancelled says nothing about what it looks at. */
function jobFinding(text: string): Finding[] {
  const [, id = '', result = ''] = /^([a-z-]+)=(success|failure|cancelled|skipped)$/.exec(text) ?? [];
  if (id === '')
    throw new CommandError(
      `--job: expected NAME=RESULT, RESULT success, failure, cancelled or skipped, found ${text}.`,
    );
  if (result !== 'success' && result !== 'failure') return [];
  return [{ id, title: `The job ${id} fails`, ok: result === 'success', text: `The last ${id} ended with ${result}.` }];
}

/** A file as it was in a commit. @throws CommandError when git does not know it. */
async function fileAt({ directory, stackName }: Project, revision: string): Promise<string> {
  if (!/^[0-9a-f]{7,40}$/.test(revision) || /^0+$/.test(revision))
    throw new CommandError(`Expected a commit to compare with, found '${revision}'. Start the rollout by hand.`);
  const spec = `${revision}:./Pulumi.${stackName}.yaml`;
  try {
    const { stdout } = await promisify(execFile)('git', ['show', spec], { cwd: directory, maxBuffer: 16 << 20 });
    return stdout;
  } catch (error) {
    throw new CommandError(`Expected ${spec}, found: ${(error as Error).message.trim()}`);
  }
}

async function sides(file: string) {
  const { document, config, problems } = await checkStackFile(file);
  if (!config || problems.length > 0) throw new CommandError(`${file}: ${problemText(problems)}`);
  return { config, top: document.toJS() as Record<string, unknown> };
}
