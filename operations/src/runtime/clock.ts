import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../contract.js';

export const realClock: Clock = {
  now: () => Date.now(),
  delay: async (ms, signal) => {
    await sleep(ms, undefined, signal ? { signal } : undefined);
  },
};
