import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds that one second of a plugin's own waiting takes: between two looks at a task, before another attempt.
 * A second in the real ones; a lab whose own durations are shorter sets PROX_OPS_PLUGIN_POLL_MS for its plugins.
 * Timeouts are not touched.
 * @throws Error when the variable is no whole number above 0.
 */
export function pollInterval(): number {
  const text = process.env['PROX_OPS_PLUGIN_POLL_MS'] ?? '';
  if (text === '') return 1000;
  const milliseconds = Number(text);
  if (!Number.isInteger(milliseconds) || milliseconds < 1) {
    throw new Error(`PROX_OPS_PLUGIN_POLL_MS: expected a whole number of milliseconds above 0, found '${text}'`);
  }
  return milliseconds;
}

/** Waits for some of a plugin's seconds, but not past a deadline. */
export async function pause(seconds: number, deadline?: Deadline): Promise<void> {
  await sleep(Math.min(seconds * pollInterval(), deadline?.left ?? Infinity));
}

/** A moment after which waiting is given up. */
export class Deadline {
  private readonly at: number;

  constructor(readonly seconds: number) {
    this.at = Date.now() + seconds * 1000;
  }

  get passed(): boolean {
    return Date.now() >= this.at;
  }

  /** Milliseconds left, never below 0. */
  get left(): number {
    return Math.max(0, this.at - Date.now());
  }
}
