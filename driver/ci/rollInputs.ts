import type { RollCommandOptions } from '../commands/roll';
import { CommandError } from '../exit';
import { STRATEGIES } from '../strategy';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What a job's inputs ask of a rollout. They come as variables, because a text of somebody's in a command line could be
 * read as more than a text.
 * @throws CommandError naming every variable that says nothing of use.
 */
export function rollInputs(environment: Environment = process.env): RollCommandOptions {
  const value = (name: string) => (environment[name] ?? '').trim();
  const problems: string[] = [];
  const expect = (name: string, expected: string, fits: boolean) => {
    if (value(name) !== '' && !fits) problems.push(`${name}: expected ${expected}, found '${value(name)}'`);
  };
  const strategy = STRATEGIES.find((known) => known === value('ROLL_STRATEGY'));
  const nodes = value('ROLL_NODES')
    .split(/[\s,]+/)
    .filter((name) => name !== '');
  const maxNodes = Number(value('ROLL_MAX_NODES'));
  const approved = value('ROLL_APPROVE_MAJOR');
  expect('ROLL_STRATEGY', `one of ${STRATEGIES.join(', ')}`, strategy !== undefined);
  expect(
    'ROLL_NODES',
    'names of nodes',
    nodes.every((name) => /^[a-z0-9][a-z0-9-]*$/.test(name)),
  );
  expect('ROLL_MAX_NODES', 'a whole number above 0', Number.isInteger(maxNodes) && maxNodes > 0);
  expect('ROLL_APPROVE_MAJOR', 'true or false', ['true', 'false'].includes(approved));
  if (problems.length > 0) throw new CommandError(`${problems.join('\n')}\nNothing was changed.`);
  return {
    yes: true,
    ...(strategy && { strategy }),
    ...(nodes.length > 0 && { nodes }),
    ...(value('ROLL_MAX_NODES') !== '' && { maxNodes }),
    ...(approved === 'true' && { approveMajor: true }),
    ...(value('ROLL_REASON') !== '' && { reason: value('ROLL_REASON') }),
  };
}
