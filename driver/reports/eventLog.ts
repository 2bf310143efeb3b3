import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EVENT_VERSION, recordedEvent, runEvent, type Recorded } from '../events';
import { CommandError } from '../exit';
import { runsDirectory } from '../runLog';

const ENDING = '.jsonl';

/** Ids of a project's runs that have an event log, oldest first. */
export async function runIds(project: string): Promise<string[]> {
  try {
    const files = await readdir(runsDirectory(project));
    return files
      .filter((name) => name.endsWith(ENDING))
      .map((name) => basename(name, ENDING))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The events of a run; the latest one's without an id. @throws CommandError when there is none of that id. */
export async function runEvents(project: string, id?: string): Promise<Recorded[]> {
  const ids = await runIds(project);
  const run = id ?? ids.at(-1);
  if (run === undefined) throw new CommandError(`No run yet. Expected an event log in ${runsDirectory(project)}.`);
  if (!ids.includes(run)) {
    const known = ids.slice(-5).join(', ');
    throw new CommandError(
      `No run ${run}. Expected one of ${ids.length} runs, the latest: ${known === '' ? 'none' : known}.`,
    );
  }
  return parseEvents(await readFile(join(runsDirectory(project), `${run}${ENDING}`), 'utf8'), `run ${run}`);
}

/**
 * Reads an event log. Types that this release does not know are passed over: a newer one may have more. A line that a
 * crash of the machine broke off is passed over too.
 * @throws CommandError for another version, or an event of a known type that has another shape.
 */
export function parseEvents(text: string, name: string): Recorded[] {
  return text.split('\n').flatMap((line, index) => {
    const value = parsed(line);
    if (value === undefined) return [];
    if (value.v !== EVENT_VERSION)
      throw new CommandError(`${name}: expected events of version ${EVENT_VERSION}, found ${String(value.v)}.`);
    if (!TYPES.has(String(value.type))) return [];
    const result = recordedEvent.safeParse(value);
    if (result.success) return [result.data];
    const [issue] = result.error.issues;
    throw new CommandError(`${name}: line ${index + 1}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  });
}

const TYPES = new Set<string>(runEvent.options.map((option) => option.shape.type.value));

function parsed(line: string): { v?: unknown; type?: unknown } | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
