import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';

/** Who runs: `user@host:pid`, for people and for proving later that the holder is gone. */
export function holder(): string {
  return `${userInfo().username}@${hostname()}:${process.pid}`;
}

/** A run's id: sortable by time, unique. */
export function newRunId(now = new Date()): string {
  return `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}-${randomUUID().slice(0, 8)}`;
}
