import { until, WaitTimeout, type Clock } from '@prox-ops/operations';
import { CommandError, ExitCode } from '../exit';
import { describeLock, ownership, type Ownership } from './owner';
import type { LockStore, StackLock } from './store';

export interface LockWait {
  store: LockStore;
  clock: Clock;
  signal: AbortSignal;
  /** Milliseconds. */
  timeout: number;
  /** Told what is waited for and what was cleared. */
  say: (what: string) => void;
  ownership?: (lock: StackLock) => Ownership;
}

/** S3 tells nobody of a change, so it is looked at; in milliseconds. */
const EVERY = 2000;
/**
 * A rollout gives the lock back for a moment between two nodes. So long, in milliseconds, nobody may hold it before
 * another run's work counts as finished: else that run and this one would take turns.
 */
const QUIET = 15_000;

/**
 * Waits until nobody holds the stack. A lock whose owner is proved gone is removed. An engine whose driver was killed
 * finishes its steps and is waited for without a limit.
 * @throws CommandError naming the holder when the time is up, or when the holder takes the lock again.
 */
export async function lockFreed(wait: LockWait): Promise<void> {
  const watched = new Watch(wait);
  const { clock, signal, timeout } = wait;
  try {
    await until<void>({
      clock,
      signal,
      timeout,
      every: EVERY,
      look: () => watched.look(),
      onWaiting: (what) => wait.say(`waiting for the stack: ${what}`),
    });
  } catch (error) {
    if (signal.aborted)
      throw new CommandError('Stopped while waiting for the stack. Nothing was changed.', ExitCode.interrupted);
    if (!(error instanceof WaitTimeout)) throw error;
    throw held(`${error.waiting}. Gave up after ${Math.round(timeout / 1000)} s (rollout.lockTimeout)`);
  }
}

function held(found: string): CommandError {
  const next = 'Once that run is gone for certain: prox-ops unlock';
  return new CommandError(`The stack is locked: ${found}. Nothing was changed. ${next}`, ExitCode.held);
}

class Watch {
  /** The other run that was found first. */
  private other: StackLock | undefined;
  private freeSince: number | undefined;

  constructor(private readonly wait: LockWait) {}

  async look(): Promise<{ done: void } | { waiting: string }> {
    const { store, say, clock } = this.wait;
    const locks = (await store.list()).map((lock) => ({ lock, state: (this.wait.ownership ?? ownership)(lock) }));
    for (const { lock } of locks.filter(({ state }) => state === 'gone')) {
      await store.remove(lock);
      say(`cleared the stack lock of ${describeLock(lock, clock.now())}, which is gone`);
    }
    const orphan = locks.find(({ state }) => state === 'orphaned');
    if (orphan) await this.ended(orphan.lock);
    const living = locks.find(({ state }) => state === 'at work' || state === 'elsewhere');
    if (living) return { waiting: this.holder(living.lock, living.state) };
    return orphan ? this.look() : this.free();
  }

  private holder(lock: StackLock, state: Ownership): string {
    const now = this.wait.clock.now();
    if (this.other && this.other.id !== lock.id)
      throw held(`held by ${describeLock(lock, now)}, which took it again: another run is at work`);
    this.other = lock;
    this.freeSince = undefined;
    return `held by ${lock.user}@${lock.host} (pid ${lock.pid}) since ${lock.since.toISOString()}${state === 'elsewhere' ? ', on another machine' : ', which is at work'}`;
  }

  private free(): { done: void } | { waiting: string } {
    const now = this.wait.clock.now();
    this.freeSince ??= now;
    if (!this.other || now - this.freeSince >= QUIET) return { done: undefined };
    return { waiting: `given back by ${this.other.user}@${this.other.host}, waiting whether that run goes on` };
  }

  /** A foreign process gives no event when it ends. */
  private async ended(lock: StackLock): Promise<void> {
    const { say, clock, signal, store } = this.wait;
    say(`waiting for the engine of a killed run (pid ${lock.pid}) to finish its steps`);
    while ((this.wait.ownership ?? ownership)(lock) === 'orphaned') {
      if (!(await store.list()).some(({ id }) => id === lock.id)) return;
      await clock.delay(250, signal);
    }
  }
}
