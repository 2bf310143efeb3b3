import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, LabError } from '../daemon/errors.js';
import { endLeftovers, type Leftover } from '../daemon/leftovers.js';
import { isAlive } from '../daemon/process-id.js';
import { commandFor, labState, type LabRecord, release } from '../daemon/record.js';
import type { Output, Target } from './context.js';

/** How long a lab may take to stop everything, milliseconds; then its process is killed. */
const PATIENCE = 20_000;
const GLANCE = 25;

/** Stops a lab, or ends what a killed one left behind. @throws LabError when there is neither. */
export async function down({ name, directory }: Target, { out }: Output): Promise<number> {
  const found = labState(directory);
  if (found.state === 'absent') {
    const start = commandFor('up', name);
    throw new LabError(
      `expected lab '${name}' running, found none in ${directory.path}; start one with: ${start}`,
      EXIT.notRunning,
    );
  }
  const polite = found.state === 'running' && (await stop(found.record));
  const leftovers = await endLeftovers(directory);
  directory.forgetSecrets();
  release(directory);
  out(`lab '${name}' is down${polite ? '' : `: its process ${found.record.pid} was gone${listed(leftovers)}`}`);
  return EXIT.done;
}

/** @returns false when it had to be killed. */
async function stop({ pid, processStart }: LabRecord): Promise<boolean> {
  process.kill(pid, 'SIGTERM');
  // Nobody tells of the end of a process that is not one's own child, so it is looked for.
  for (const deadline = Date.now() + PATIENCE; isAlive(pid, processStart); await sleep(GLANCE)) {
    if (Date.now() < deadline) continue;
    process.kill(pid, 'SIGKILL');
    return false;
  }
  return true;
}

function listed(leftovers: Leftover[]): string {
  if (leftovers.length === 0) return '; it left nothing running';
  return `; ended what it left: ${leftovers.map(({ program, pid }) => `${program} (${pid})`).join(', ')}`;
}
