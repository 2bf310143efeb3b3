import { member, text } from '../protocol/read-value.js';
import { Deadline } from '../protocol/timing.js';
import type { Value } from '../protocol/values.js';

const UNITS: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Seconds of a duration such as 10m or 1m30s. @throws Error for another form. */
export function durationSeconds(duration: string): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration) {
    throw new Error(`duration: expected a form such as 10m or 1m30s, found '${duration}'`);
  }
  return parts.reduce((total, [, amount, unit]) => total + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0);
}

/** The end of one operation by the input `timeouts`; ten minutes when it names none. */
export function deadlineOf(timeouts: Value | undefined, operation: 'create' | 'read' | 'update' | 'delete'): Deadline {
  const duration = text(member(timeouts)?.[operation]);
  return new Deadline(duration === '' ? 600 : durationSeconds(duration));
}
