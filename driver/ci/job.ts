import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { CommandError } from '../exit';
import { secrets } from '../secrets';

type Environment = Readonly<Record<string, string | undefined>>;

/** The number of the pull request that the job is about. @throws CommandError when it is about none. */
export function pullRequestNumber(environment: Environment = process.env): number {
  const path = environment.GITHUB_EVENT_PATH ?? '';
  const event = path === '' ? {} : (JSON.parse(readFileSync(path, 'utf8')) as { pull_request?: { number?: unknown } });
  const number = event.pull_request?.number;
  if (typeof number === 'number') return number;
  throw new CommandError('Expected a pull request in the event of the job (GITHUB_EVENT_PATH), found none.');
}

/** Hands values on to later steps and jobs. Outside of a job they are only printed. */
export function setOutputs(outputs: Record<string, string>, environment: Environment = process.env): void {
  const { GITHUB_OUTPUT } = environment;
  if (GITHUB_OUTPUT === undefined || GITHUB_OUTPUT === '') return;
  // A delimiter that nobody can foresee: a value with a line of its own would otherwise set further outputs.
  const end = `end-${randomUUID()}`;
  for (const [name, value] of Object.entries(outputs))
    appendFileSync(GITHUB_OUTPUT, `${name}<<${end}\n${value}\n${end}\n`);
}

/** Adds to the summary of the step; outside of a job to nothing. */
export function addSummary(markdown: string, environment: Environment = process.env): void {
  const { GITHUB_STEP_SUMMARY } = environment;
  if (GITHUB_STEP_SUMMARY !== undefined && GITHUB_STEP_SUMMARY !== '')
    appendFileSync(GITHUB_STEP_SUMMARY, secrets.clean(`${markdown.trimEnd()}\n\n`));
}
