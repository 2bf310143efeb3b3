import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabDirectory } from './directory.js';
import { LabError } from './errors.js';
import { isAlive, processStart } from './process-id.js';

/** A program that a killed lab left behind. */
export interface Leftover {
  program: string;
  pid: number;
}

const PATIENCE = 5_000;
const GLANCE = 25;

/**
 * Ends the programs that a lab left when its process was killed: those whose ids it wrote down and that really work in
 * this lab's directory, since an id may have gone to somebody else's process meanwhile.
 * @throws LabError when one does not end.
 */
export async function endLeftovers(directory: LabDirectory): Promise<Leftover[]> {
  const found = leftovers(directory);
  for (const leftover of found) await end(leftover);
  for (const file of processIdFiles(directory)) rmSync(file, { force: true });
  return found;
}

function leftovers(directory: LabDirectory): Leftover[] {
  return processIdFiles(directory).flatMap((file) => {
    const pid = Number(readFileSync(file, 'utf8'));
    if (!Number.isInteger(pid) || pid <= 1 || workingDirectory(pid) !== directory.kubernetes) return [];
    return [{ program: file.slice(file.lastIndexOf('/') + 1, -'.pid'.length), pid }];
  });
}

function processIdFiles({ kubernetes }: LabDirectory): string[] {
  try {
    return readdirSync(kubernetes)
      .filter((name) => name.endsWith('.pid'))
      .map((name) => join(kubernetes, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** Nobody tells of the end of a process that is not one's own child, so it is looked for. */
async function end({ program, pid }: Leftover): Promise<void> {
  const start = processStart(pid);
  if (start === undefined) return;
  process.kill(pid, 'SIGKILL');
  for (const deadline = Date.now() + PATIENCE; isAlive(pid, start); await sleep(GLANCE)) {
    if (Date.now() > deadline)
      throw new LabError(`${program} (process ${pid}) was killed and has not ended; look at it`);
  }
}
