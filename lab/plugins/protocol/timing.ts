import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds between two looks of a plugin at something that it waits for: one second in the real ones. A lab whose
 * own durations are shorter sets PROX_OPS_PLUGIN_POLL_MS in the engine's environment.
 */
export const pollInterval = readPollInterval(process.env['PROX_OPS_PLUGIN_POLL_MS']);

function readPollInterval(text: string | undefined): number {
  if (text === undefined || text === '') return 1000;
  const milliseconds = Number(text);
  if (!Number.isInteger(milliseconds) || milliseconds < 1) {
    throw new Error(`PROX_OPS_PLUGIN_POLL_MS: expected a whole number of milliseconds above 0, found '${text}'`);
  }
  return milliseconds;
}

export async function delay(milliseconds: number): Promise<void> {
  await sleep(milliseconds);
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
