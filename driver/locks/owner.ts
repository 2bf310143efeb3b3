import { lookAtProcess, type RunningProcess } from '@prox-ops/operations';
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
  const found = lookAtProcess(lock.pid);
  if (!found || beginning(found) > lock.since.getTime() + SLACK) return 'gone';
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

/** When a process began, in milliseconds since the epoch; NaN where it cannot be read. */
function beginning({ start }: RunningProcess): number {
  return process.platform === 'linux' ? bootTime() + (Number(start) / TICKS) * 1000 : Date.parse(start);
}

function bootTime(): number {
  return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0) * 1000;
}
