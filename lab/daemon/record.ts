import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { LabDirectory } from './directory.js';
import { EXIT, LabError } from './errors.js';
import { isAlive, processStart } from './process-id.js';

/** `lab.json`: which process runs the lab. */
export interface LabRecord {
  name: string;
  pid: number;
  /** Tells the process from a later one of the same id; see `processStart`. */
  processStart: string;
  base: number;
  dir: string;
  /** ISO 8601. */
  started: string;
}

/** What can be told of a lab from its record. */
export type LabState =
  | { state: 'absent' }
  | { state: 'running'; record: LabRecord }
  /** Its process ended without taking leave. */
  | { state: 'dead'; record: LabRecord };

export function labState(directory: LabDirectory): LabState {
  const record = readRecord(directory.record);
  if (!record) return { state: 'absent' };
  return { state: isAlive(record.pid, record.processStart) ? 'running' : 'dead', record };
}

/**
 * Claims the directory for this process. One of two that start at once gets it.
 * @throws LabError naming the process that has it.
 */
export function claim(directory: LabDirectory, name: string, base: number): LabRecord {
  const found = labState(directory);
  if (found.state === 'running') throw alreadyRunning(found.record);
  if (found.state === 'dead') release(directory);
  const { pid } = process;
  const started = new Date().toISOString();
  const record = { name, pid, processStart: processStart(pid) ?? '', base, dir: directory.path, started };
  try {
    writeFileSync(directory.record, `${JSON.stringify(record, undefined, 2)}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const winner = labState(directory);
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && winner.state === 'running')
      throw alreadyRunning(winner.record);
    throw error;
  }
  return record;
}

export function release(directory: LabDirectory): void {
  rmSync(directory.record, { force: true });
}

export function alreadyRunning({ name, pid, base, started }: LabRecord): LabError {
  return new LabError(
    `lab '${name}' is running already: process ${pid} on 127.${base}.0.0/16, since ${started}. ` +
      `Stop it with: ${commandFor('down', name)}`,
    EXIT.occupied,
  );
}

/** The command line of a person who deals with this lab. */
export function commandFor(command: string, name: string): string {
  return `npx prox-ops lab ${command}${name === DEFAULT_NAME ? '' : ` --name ${name}`}`;
}

export const DEFAULT_NAME = 'lab';

function readRecord(file: string): LabRecord | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as LabRecord;
  } catch (error) {
    throw new LabError(`${file}: expected a lab's record (JSON), found something else; delete it`, EXIT.failed, {
      cause: error,
    });
  }
}
