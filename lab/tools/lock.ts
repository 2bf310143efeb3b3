import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Another process gives no event when it lets go, so a waiter looks again this often, give or take. */
const RETRY_MS = 200;

export interface LockOptions {
  /** Called once for each process that is waited for. */
  readonly onWait?: (pid: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` while this process alone holds the lock `directory`.
 *
 * A process claims the lock by putting a file of its own into the directory, and holds it if it then sees no other
 * living process's file there; else it takes its file back and tries again. Whichever of two claims comes second sees the
 * first, so two never hold it together. Claims of dead processes count for nothing and are swept away by name, which no
 * living process shares: there is no moment in which a takeover could remove a fresh claim, as there is with one
 * lock file that is read, judged dead and then deleted.
 *
 * @throws AbortError when `signal` is aborted while waiting.
 */
export async function withLock<T>(directory: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const claim = await acquire(directory, options);
  try {
    return await work();
  } finally {
    rmSync(claim, { force: true });
  }
}

async function acquire(directory: string, { onWait, signal }: LockOptions): Promise<string> {
  let told: number | undefined;
  for (;;) {
    const claim = stake(directory);
    const rival = livingRival(directory, claim);
    if (rival === undefined) {
      return claim.path;
    }
    rmSync(claim.path, { force: true });
    if (told !== rival) {
      told = rival;
      onWait?.(rival);
    }
    // Not the same pause for everyone: two that claim in step would turn each other away for ever.
    await sleep(RETRY_MS * (0.5 + Math.random()), undefined, signal ? { signal } : undefined);
  }
}

interface Claim {
  readonly name: string;
  readonly path: string;
}

function stake(directory: string): Claim {
  mkdirSync(directory, { recursive: true });
  const name = `${process.pid}.${startTime(process.pid) ?? 'unknown'}.${randomUUID()}`;
  const path = join(directory, name);
  writeFileSync(path, '', { flag: 'wx' });
  return { name, path };
}

function livingRival(directory: string, own: Claim): number | undefined {
  for (const name of readdirSync(directory)) {
    const [pid, started] = name.split('.');
    if (name === own.name || pid === undefined || started === undefined) {
      continue;
    }
    if (isAlive(Number(pid), started)) {
      return Number(pid);
    }
    rmSync(join(directory, name), { force: true });
  }
  return undefined;
}

/** Whether the process that made a claim still runs; a later process with the same id is told by its start time. */
function isAlive(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user's process.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') {
      return false;
    }
  }
  const now = startTime(pid);
  return started === 'unknown' || now === undefined || now === started;
}

/** When a process started, in the kernel's ticks; undefined where the system has no /proc. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may itself hold spaces; the start time is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
