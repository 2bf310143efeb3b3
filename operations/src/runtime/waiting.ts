import { setMaxListeners } from 'node:events';
import type { Clock } from '../contract.js';

/** What one look found: the result, or what is still missing, in words for people. */
export type Look<T> = { done: T } | { waiting: string };

/** Something that can be watched: `onChange` is called on every change, and the promise ends when the stream does. */
export type Watcher = (onChange: () => void, signal: AbortSignal) => Promise<void>;

export interface Waiting<T> {
  clock: Clock;
  signal: AbortSignal;
  /** Milliseconds. */
  timeout: number;
  look: () => Promise<Look<T>>;
  /** A change in any of these makes it look again. */
  watch?: Watcher[];
  /** Longest time between two looks, in milliseconds. */
  every: number;
  /** Whether what is watched tells of all that matters, so that looking between changes is only a fallback. */
  watchTellsAll?: boolean;
  /** Told what is still missing, when that changes. */
  onWaiting?: (text: string) => void;
}

/** The time is up. `waiting` says what was still wrong at the last look. */
export class WaitTimeout extends Error {
  constructor(
    readonly waiting: string,
    readonly seconds: number,
  ) {
    super(`after ${seconds} s still: ${waiting}`);
    this.name = 'WaitTimeout';
  }
}

const FIRST_GAP = 100;
const GAP_GROWTH = 1.5;
const REWATCH_GAP = 500;
/** Changes come in bursts: one look answers all of those that follow within so many milliseconds. */
const BURST = 100;

/**
 * Looks until the look is done, again after each change of what is watched, and at the latest after `every`.
 * @throws WaitTimeout with what the last look found; AbortError when the signal says stop; whatever `look` throws.
 */
export async function until<T>(options: Waiting<T>): Promise<T> {
  const { clock, signal, timeout, look, watch = [], every, watchTellsAll = watch.length > 0 } = options;
  const deadline = clock.now() + timeout;
  const stop = new AbortController();
  // Every watch listens to it, and there may be many.
  setMaxListeners(0, stop.signal);
  const forward = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', forward, { once: true });
  const bell = new Bell();
  for (const watcher of watch) void keepWatching(watcher, bell, clock, stop.signal);
  // Where no watch tells, looking starts quickly and slows down.
  let gap = watchTellsAll ? every : Math.min(FIRST_GAP, every);
  let said: string | undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      bell.clear();
      const found = await look();
      if ('done' in found) return found.done;
      if (found.waiting !== said) options.onWaiting?.((said = found.waiting));
      const left = deadline - clock.now();
      if (left <= 0) throw new WaitTimeout(found.waiting, Math.round(timeout / 1000));
      if (await bell.heard(clock, Math.min(gap, left), signal)) await clock.delay(Math.min(BURST, left), signal);
      gap = Math.min(every, gap * GAP_GROWTH);
    }
  } finally {
    signal.removeEventListener('abort', forward);
    stop.abort();
  }
}

/** A watch ends when its server closes it or the connection breaks; it is opened again until nobody waits any more. */
async function keepWatching(watcher: Watcher, bell: Bell, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // An error here is no result: the next look meets the same trouble and says so.
    await watcher(() => bell.ring(), signal).catch(() => undefined);
    if (signal.aborted) return;
    bell.ring();
    await clock.delay(REWATCH_GAP, signal).catch(() => undefined);
  }
}

/** Remembers that something changed, also while nobody listens. */
class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  clear(): void {
    this.rung = false;
  }

  /** True when it rings (or has rung since clear), false after `ms` or when the signal says stop. */
  async heard(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.rung) return true;
    const timer = new AbortController();
    const forward = (): void => timer.abort(signal.reason);
    signal.addEventListener('abort', forward, { once: true });
    try {
      const rung = new Promise<void>((resolve) => (this.wake = resolve));
      await Promise.race([rung, clock.delay(ms, timer.signal).catch(() => undefined)]);
      return this.rung;
    } finally {
      signal.removeEventListener('abort', forward);
      timer.abort();
      this.wake = undefined;
    }
  }
}
