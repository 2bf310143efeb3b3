import type { Engine } from './engine.js';

/** How long a plugin stays after its engine is gone and its last operation has ended, in milliseconds. */
const LINGER = 10_000;

/**
 * How long the process lives. Like a real plugin it outlives a killed engine and finishes what it was doing, polls
 * and writes included; unlike one it does not live for ever: once the engine is gone and nothing is under way, it ends.
 */
export class Lifetime {
  private underWay = 0;
  private engineGone = false;
  private end: NodeJS.Timeout | undefined;

  constructor(engine: Engine) {
    engine.onGone(() => {
      this.engineGone = true;
      this.endWhenIdle();
    });
  }

  async during<T>(operation: () => Promise<T>): Promise<T> {
    this.underWay += 1;
    clearTimeout(this.end);
    try {
      return await operation();
    } finally {
      this.underWay -= 1;
      this.endWhenIdle();
    }
  }

  private endWhenIdle(): void {
    if (!this.engineGone || this.underWay > 0) return;
    clearTimeout(this.end);
    this.end = setTimeout(() => process.exit(0), LINGER);
  }
}
