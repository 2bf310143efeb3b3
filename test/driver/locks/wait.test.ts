import assert from 'node:assert/strict';
import { CommandError, ExitCode } from '../../../driver/exit';
import type { Ownership } from '../../../driver/locks/owner';
import type { StackLock } from '../../../driver/locks/store';
import { lockFreed } from '../../../driver/locks/wait';
import { VirtualClock } from '../../operations/support/virtualClock';

type Held = StackLock & { state: Ownership };

function lock(id: string, state: Ownership): Held {
  return { id, user: 'ops', host: 'desk', pid: 7, since: new Date('2026-11-21T15:00:00Z'), state };
}

/** A stack whose locks change at the given seconds. */
class Scene {
  readonly clock = new VirtualClock();
  readonly said: string[] = [];
  readonly removed: string[] = [];
  private readonly start = this.clock.now();

  constructor(private readonly timeline: [second: number, locks: Held[]][]) {}

  get seconds(): number {
    return (this.clock.now() - this.start) / 1000;
  }

  wait(timeoutSeconds: number, signal = new AbortController().signal): Promise<void> {
    return this.clock.run(
      lockFreed({
        store: {
          list: () => Promise.resolve(this.now().filter(({ id }) => !this.removed.includes(id))),
          remove: ({ id }) => {
            this.removed.push(id);
            return Promise.resolve();
          },
        },
        clock: this.clock,
        signal,
        timeout: timeoutSeconds * 1000,
        say: (what) => this.said.push(what),
        ownership: ({ id }) => this.now().find((held) => held.id === id)?.state ?? 'gone',
      }),
    );
  }

  private now(): Held[] {
    return this.timeline.findLast(([second]) => this.seconds >= second)?.[1] ?? [];
  }
}

function refused(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof CommandError);
    assert.equal(error.exitCode, ExitCode.held);
    assert.match(error.message, pattern);
    return true;
  };
}

describe("waiting for the stack's lock", () => {
  it('goes on at once when nobody holds it', async () => {
    const scene = new Scene([[0, []]]);
    await scene.wait(300);
    assert.equal(scene.seconds, 0);
  });

  it("clears a dead run's lock at once, naming its owner and the lock's age", async () => {
    const scene = new Scene([[0, [lock('a', 'gone')]]]);
    await scene.wait(300);
    assert.deepEqual(scene.removed, ['a']);
    assert.match(scene.said.join(), /cleared the stack lock of ops@desk \(pid 7\), since 2026-11-21T15:00:00.000Z/);
    assert.equal(scene.seconds, 0);
  });

  for (const state of ['at work', 'elsewhere'] as const)
    it(`gives up on an owner that is ${state} after the lock timeout, naming it, and removes nothing`, async () => {
      const scene = new Scene([[0, [lock('a', state)]]]);
      await assert.rejects(
        scene.wait(300),
        refused(/held by ops@desk \(pid 7\).*Gave up after 300 s.*prox-ops unlock/),
      );
      assert.deepEqual(scene.removed, []);
      assert.ok(scene.seconds >= 300 && scene.seconds < 303, String(scene.seconds));
      assert.equal(scene.said.length, 1);
    });

  it('refuses at once with a timeout of 0', async () => {
    const scene = new Scene([[0, [lock('a', 'at work')]]]);
    await assert.rejects(scene.wait(0), refused(/held by ops@desk/));
    assert.equal(scene.seconds, 0);
  });

  it('goes on once the lock was given back and stayed free for a while', async () => {
    const scene = new Scene([
      [0, [lock('a', 'elsewhere')]],
      [20, []],
    ]);
    await scene.wait(300);
    assert.ok(scene.seconds >= 35 && scene.seconds < 40, String(scene.seconds));
  });

  it('does not slip in between two nodes of a rollout: it is refused when the lock is taken again', async () => {
    const scene = new Scene([
      [0, [lock('a', 'at work')]],
      [20, []],
      [24, [lock('b', 'at work')]],
    ]);
    await assert.rejects(scene.wait(300), refused(/took it again: another run is at work/));
    assert.ok(scene.seconds < 28, String(scene.seconds));
  });

  it("waits without a limit for a killed run's engine, and then goes on", async () => {
    const scene = new Scene([
      [0, [lock('a', 'orphaned')]],
      [900, []],
    ]);
    await scene.wait(10);
    assert.ok(scene.seconds >= 900 && scene.seconds < 902, String(scene.seconds));
    assert.deepEqual(scene.removed, []);
  });

  it('can be interrupted', async () => {
    const controller = new AbortController();
    controller.abort();
    const scene = new Scene([[0, [lock('a', 'at work')]]]);
    await assert.rejects(scene.wait(300, controller.signal), (error: unknown) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.exitCode, ExitCode.interrupted);
      return true;
    });
  });
});
