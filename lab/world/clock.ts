import { setTimeout as sleep } from 'node:timers/promises';

/** The world's time. Everything that takes time in the lab asks this clock, so that a test can bring its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds of the world's time. @throws AbortError when `signal` is aborted first. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: () => Date.now(),
  delay: async (ms, signal) => {
    await sleep(ms, undefined, signal ? { signal } : undefined);
  },
};
