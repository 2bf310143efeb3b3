import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { StackLock } from './store';

/**
 * at work: it lives, with whoever started it. orphaned: an engine whose driver was killed; it finishes its steps and
 * ends. gone: proved dead. elsewhere: on another machine, nothing can be proved from here.
 */
export type Ownership = 'at work' | 'orphaned' | 'gone' | 'elsewhere';

/** Clock ticks a second in /proc, fixed for programs. */
const TICKS = 100;
/** A process that began so many milliseconds after its lock was written is another one under the same number. */
const SLACK = 5000;

export function ownership(lock: Pick<StackLock, 'host' | 'pid' | 'since'>): Ownership {
  if (lock.host !== hostname()) return 'elsewhere';
  const found = look(lock.pid);
  if (!found || found.began > lock.since.getTime() + SLACK) return 'gone';
  return found.parent === 1 ? 'orphaned' : 'at work';
}

/** `root@host (pid 12), since 2026-11-21T15:00:00.000Z, 3 min ago`. */
export function describeLock({ user, host, pid, since }: StackLock, now = Date.now()): string {
  return `${ownerOf({ user, host })} (pid ${pid}), since ${since.toISOString()}, ${age(now - since.getTime())} ago`;
}

export function ownerOf({ user, host }: Pick<StackLock, 'user' | 'host'>): string {
  return `${user}@${host}`;
}

export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

interface Found {
  parent: number;
  /** Milliseconds since the epoch; 0 where it cannot be read. */
  began: number;
}

/** A process, unless there is none or only its unreaped remains. */
function look(pid: number): Found | undefined {
  if (process.platform !== 'linux') return exists(pid) ? { parent: 0, began: 0 } : undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command stands in parentheses and may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return { parent: Number(fields[1]), began: bootTime() + (Number(fields[19]) / TICKS) * 1000 };
  } catch {
    return undefined;
  }
}

function bootTime(): number {
  return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0) * 1000;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
