import { confirmed } from '../ask';
import { CommandError, ExitCode } from '../exit';
import { cutOffTurn, endTurn, removeOrphans } from '../orphans/remove';
import { survey, type Survey } from '../orphans/survey';
import { surveyText } from '../orphans/view';
import { openStack } from '../project';
import { inSession } from '../session';
import { stackConfig } from '../stackFile';
import { projectFrom, type RunOptions } from './options';

export interface OrphansCommandOptions extends RunOptions {
  delete?: boolean;
  yes?: boolean;
}

/** `prox-ops orphans`: what is left of this stack and owned by nobody; with --delete what is provably both is removed. */
export async function orphansCommand(options: OrphansCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const config = await stackConfig(stack);
  const surveyed = { stack, config, directory: project.directory };
  const found = await survey(surveyed);
  show(found, options);
  if (options.delete !== true) return ExitCode.ok;
  if (found.leftovers.some(({ verdict }) => verdict === 'unknown'))
    throw new CommandError(
      'A source does not answer, and unknown is not unowned. Nothing was deleted. Again once it answers.',
      ExitCode.blocked,
    );
  const orphans = found.leftovers.filter(({ verdict }) => verdict === 'orphan');
  const cutOff = await cutOffTurn(stack);
  if (orphans.length === 0 && cutOff === undefined) return ExitCode.ok;
  const { name } = config.cluster;
  const question = `Delete the ${orphans.length} leftover(s) marked orphan?`;
  if (!(await confirmed(question, name, options.yes === true))) return ExitCode.interrupted;
  return inSession({ project, stack, command: 'orphans', arguments: ['--delete'], options }, async (session) => {
    if (cutOff) await endTurn(surveyed, cutOff, session);
    for (const { kind, name: what, where, evidence } of orphans)
      session.log.emit({ type: 'progress', message: `to be deleted: ${kind} ${what} ${where}: ${evidence}` });
    return removeOrphans(surveyed, orphans, session);
  });
}

/** With --delete and --json, the output is the run's events alone. */
function show(found: Survey, options: OrphansCommandOptions): void {
  const json = options.json === true;
  const text = json && options.delete !== true ? JSON.stringify(found, null, 2) : surveyText(found, new Date());
  (json && options.delete === true ? process.stderr : process.stdout).write(`${text}\n`);
}
