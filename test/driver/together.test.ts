import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StepError } from '@prox-ops/operations';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { UpdateError } from '../../driver/engine';
import type { Mate } from '../../driver/mate';
import type { PlannedNode } from '../../driver/plan';
import type { RollOptions } from '../../driver/rollUpdate';
import { RunLog, type Outcome } from '../../driver/runLog';
import { Together, type BatchActs } from '../../driver/together';

const VM = 'proxmoxve:index/vmLegacy:VmLegacy';
const GATE = 'pulumi-nodejs:dynamic/prox-ops:HealthGate';
const TURN = 'pulumi-nodejs:dynamic/prox-ops:RolloutTurn';

function worker(name: string): PlannedNode {
  const release = { from: 'v1.11.3', to: 'v1.12.4' };
  const urns = [VM, GATE, TURN].map((type) => urnOf(name, type));
  return {
    name,
    role: 'worker',
    vmId: 1,
    ...release,
    action: 'replace',
    needsReplacement: [],
    why: [],
    urns,
    known: true,
  };
}

function urnOf(node: string, type: string): string {
  return `urn:pulumi:lab::prox-ops::${type}::${node}`;
}

/** Tells a mate what the engine has done. */
function engine(mate: Mate, op: 'delete-replaced' | 'create', type: string, failed = false): void {
  const metadata = { op, urn: urnOf(mate.name, type) };
  mate.observe({ resourcePreEvent: { metadata } } as unknown as EngineEvent);
  const end = failed ? { resOpFailedEvent: { metadata } } : { resOutputsEvent: { metadata } };
  mate.observe(end as unknown as EngineEvent);
}

function replaced(mate: Mate): void {
  engine(mate, 'delete-replaced', VM);
  engine(mate, 'create', VM);
  engine(mate, 'create', GATE);
  engine(mate, 'create', TURN);
}

function stopped(node: string, step: string): StepError {
  return new StepError(node, step, { expected: 'this', found: 'that', left: 'so', next: 'go on' });
}

describe('driver: a batch, whatever becomes of its nodes', () => {
  let directory: string;
  let log: RunLog;
  let done: string[];
  let controller: AbortController;
  /** What the engine's update does to the mates; it may throw. */
  let update: (mates: Mate[]) => void;
  let refusing: Partial<Record<string, Error>>;
  let withVm: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'prox-ops-together-'));
    log = new RunLog(directory, 'run-1');
    done = [];
    controller = new AbortController();
    update = (mates) => {
      mates.forEach(replaced);
    };
    refusing = {};
    withVm = ['w1', 'w2'];
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const act = (what: string, name: string): Promise<void> => {
    done.push(`${what} ${name}`);
    const error = refusing[`${what} ${name}`];
    return error ? Promise.reject(error) : Promise.resolve();
  };

  const acts: BatchActs = {
    takeOut: (_, name) => act('out', name),
    replace: (_, mates) => {
      done.push(`replace ${mates.map(({ name }) => name).join('+')}`);
      return Promise.resolve().then(() => {
        update(mates);
      });
    },
    putBack: (_, name) => act('put back', name),
    restore: (_, name) => act('restore', name),
    settled: () => Promise.resolve({ hasVm: (name: string) => withVm.includes(name) }),
    heldByAnother: () => Promise.resolve(false),
    rollBackAfter: (options, { name }, failed) => {
      done.push(`roll back ${name} after ${failed ?? 'nothing known'}, ${options.batch ? 'in its batch' : 'alone'}`);
      return Promise.resolve<Outcome>('rolled back');
    },
  };

  async function take(): Promise<Outcome> {
    const options = {
      log,
      runId: 'run-1',
      holder: 'x',
      signal: controller.signal,
      parallel: 2,
    } as unknown as RollOptions;
    return new Together(options, [worker('w1'), worker('w2')], acts).take(3, 5);
  }

  function outcomes(): string[] {
    return log.events.flatMap((event) => (event.type === 'node.finished' ? [`${event.node} ${event.outcome}`] : []));
  }

  it('out one after the other, replaced together, back one after the other', async () => {
    assert.equal(await take(), 'replaced');
    assert.deepEqual(done, ['out w1', 'out w2', 'replace w1+w2', 'restore w1', 'restore w2']);
    assert.deepEqual(outcomes(), ['w1 replaced', 'w2 replaced']);
    const phases = log.events.flatMap((event) =>
      event.type === 'phase.started' ? [`${event.node} ${event.phase}`] : [],
    );
    // What the engine finds done, and what it leaves to the run, is no phase of its own.
    assert.deepEqual(
      phases,
      ['w1', 'w2'].flatMap((node) => ['delete VM', 'create VM', 'join'].map((phase) => `${node} ${phase}`)),
    );
  });

  it('the second one cannot leave: no VM is touched, both are put back, the last one first', async () => {
    refusing['out w2'] = stopped('w2', 'drain');
    assert.equal(await take(), 'put back');
    assert.deepEqual(done, ['out w1', 'out w2', 'put back w2', 'put back w1']);
    assert.deepEqual(outcomes(), ['w2 put back', 'w1 put back']);
  });

  it('the second one is refused its turn: nothing of it was begun, the first is put back', async () => {
    refusing['out w2'] = stopped('w2', 'turn');
    assert.equal(await take(), 'put back');
    assert.deepEqual(done, ['out w1', 'out w2', 'put back w1']);
    assert.deepEqual(outcomes(), ['w2 refused', 'w1 put back']);
  });

  it('the first one is refused its turn: nothing was begun at all', async () => {
    refusing['out w1'] = stopped('w1', 'turn');
    assert.equal(await take(), 'refused');
    assert.deepEqual(done, ['out w1']);
  });

  it('one never comes up: the other is finished and back first, then the failed one is rolled back alone', async () => {
    update = ([good, bad]) => {
      if (!good || !bad) return;
      replaced(good);
      engine(bad, 'delete-replaced', VM);
      engine(bad, 'create', VM);
      engine(bad, 'create', GATE, true);
      throw new UpdateError('w2: gate stopped', undefined);
    };
    assert.equal(await take(), 'rolled back');
    assert.deepEqual(done.slice(2), ['replace w1+w2', 'restore w1', 'roll back w2 after join, alone']);
    assert.deepEqual(outcomes(), ['w1 replaced', 'w2 open']);
  });

  it('the engine stops half way: what stands is put back, what is gone is finished by itself', async () => {
    update = (mates) => {
      const [first, second] = mates;
      if (!second) return mates.forEach(replaced);
      if (first) engine(first, 'delete-replaced', VM);
      withVm = ['w2'];
      throw new UpdateError('the engine was interrupted', undefined);
    };
    assert.equal(await take(), 'put back');
    assert.deepEqual(done.slice(2), ['replace w1+w2', 'put back w2', 'replace w1', 'restore w1']);
    assert.deepEqual(outcomes(), ['w2 put back', 'w1 replaced']);
  });

  it('two that do not come up: neither is rolled back beside the other', async () => {
    update = (mates) => {
      for (const mate of mates) {
        engine(mate, 'delete-replaced', VM);
        engine(mate, 'create', VM, true);
      }
      throw new UpdateError('both failed', undefined);
    };
    assert.equal(await take(), 'open');
    assert.deepEqual(done.slice(2), ['replace w1+w2']);
    assert.deepEqual(outcomes(), ['w1 open', 'w2 open']);
  });

  it('a VM whose end failed is not put back: that is for a person', async () => {
    update = ([, second]) => {
      if (second) engine(second, 'delete-replaced', VM, true);
      throw new UpdateError('protected', undefined);
    };
    await take();
    assert.deepEqual(done.slice(2), ['replace w1+w2', 'put back w1', 'roll back w2 after delete VM, alone']);
  });

  it('one that is not well when it is back: the other is brought back all the same, then it is rolled back', async () => {
    refusing['restore w1'] = stopped('w1', 'turn');
    assert.equal(await take(), 'rolled back');
    assert.deepEqual(done.slice(3), ['restore w1', 'restore w2', 'roll back w1 after health, alone']);
    assert.deepEqual(outcomes(), ['w1 open', 'w2 replaced']);
  });

  it('Ctrl-C while they are taken out: what is out is put back, the next one not begun', async () => {
    const { takeOut } = acts;
    const interrupted: BatchActs = {
      ...acts,
      takeOut: (options, name) => {
        controller.abort();
        return takeOut(options, name);
      },
    };
    const options = { log, signal: controller.signal, parallel: 2 } as unknown as RollOptions;
    assert.equal(await new Together(options, [worker('w1'), worker('w2')], interrupted).take(0, 2), 'put back');
    assert.deepEqual(done, ['out w1', 'put back w1']);
  });

  it('Ctrl-C in the engine: a node that failed meanwhile is finished as well, and none is rolled back', async () => {
    update = (mates) => {
      const [first, second] = mates;
      if (!second) return mates.forEach(replaced);
      controller.abort();
      if (first) engine(first, 'delete-replaced', VM);
      engine(second, 'delete-replaced', VM);
      engine(second, 'create', VM, true);
      throw new UpdateError('interrupted', undefined);
    };
    assert.equal(await take(), 'replaced');
    assert.deepEqual(done.slice(2), ['replace w1+w2', 'replace w1', 'restore w1', 'replace w2', 'restore w2']);
  });

  it('what cannot be put back is left out and told, and nothing is rolled back for it', async () => {
    refusing['out w2'] = stopped('w2', 'evacuation');
    refusing['put back w2'] = stopped('w2', 'evacuation');
    assert.equal(await take(), 'open');
    assert.deepEqual(done, ['out w1', 'out w2', 'put back w2', 'put back w1']);
    assert.deepEqual(outcomes(), ['w2 open', 'w1 put back']);
  });
});
