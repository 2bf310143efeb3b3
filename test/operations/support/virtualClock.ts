import type { Clock } from '../../../operations/src/index';

interface Timer {
  at: number;
  fire: () => void;
}

/** Time that stands still until everything that runs has come to rest, and then jumps to the next timer. */
export class VirtualClock implements Clock {
  private time = Date.UTC(2026, 10, 21, 12);
  private timers: Timer[] = [];

  now(): number {
    return this.time;
  }

  async delay(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const timer = { at: this.time + ms, fire: resolve };
      this.timers.push(timer);
      signal?.addEventListener('abort', () => {
        this.timers = this.timers.filter((other) => other !== timer);
        reject(new DOMException('aborted', 'AbortError'));
      });
    });
  }

  /** Calls back once after `ms`. */
  after(ms: number, fire: () => void): void {
    this.timers.push({ at: this.time + ms, fire });
  }

  /** Calls back every `ms`; returns the way to stop. */
  every(ms: number, callback: () => void): () => void {
    let stopped = false;
    const tick = (): void => {
      if (stopped) return;
      callback();
      this.after(ms, tick);
    };
    this.after(ms, tick);
    return () => void (stopped = true);
  }

  /** Runs the world until `promise` has settled. @throws Error when nothing more can happen. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    promise.then(mark, mark);
    while (!(await this.rests(() => settled))) this.jump();
    return promise;
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    await this.run(this.delay(ms));
  }

  /** True when it has settled; false when only time can bring it on. File work is no timer, and is given real turns. */
  private async rests(settled: () => boolean): Promise<boolean> {
    for (let turn = 0, quiet = 0; turn < 20_000 && quiet < 4; turn++) {
      if (settled()) return true;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.timers.length > 0 ? quiet + 1 : 0;
    }
    return settled();
  }

  private jump(): void {
    this.timers.sort((a, b) => a.at - b.at);
    const next = this.timers.shift();
    if (!next) throw new Error('nothing more can happen: the step waits for something that never comes');
    this.time = Math.max(this.time, next.at);
    next.fire();
  }
}
