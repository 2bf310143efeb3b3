import assert from 'node:assert/strict';
import { abortInPlace, join, leave, takeOut, type Bracket } from '../../../operations/src/index';
import { decideTurn, type Asking } from '../../../operations/src/actions/turnDecision';
import {
  fromLease,
  openNodes,
  toLease,
  type OpenNode,
  type TurnRecord,
} from '../../../operations/src/actions/turnRecord';
import { announceReplacement, forgetAnnouncements } from '../../../operations/src/planRefusal';
import { expectStop } from '../support/expectStop';
import { World, type Run } from '../support/world';

const BATCH = ['w1', 'w2'];

function out(node: string, evacuated = false): OpenNode {
  return { node, vm: `uuid-${node}`, step: 'drain', evacuated, places: {} };
}

function record(more: Partial<TurnRecord> = {}): TurnRecord {
  return { holder: 'x@here:1', run: 'run-1', renewedAt: 0, acquiredAt: 0, seconds: 30, transitions: 0, ...more };
}

function asking(node: string, more: Partial<Asking> = {}): Asking {
  return { node, run: 'run-1', holder: 'x@here:2', now: 1000, batch: BATCH, opens: true, ...more };
}

const living = (): boolean => false;
const dead = (): boolean => true;

describe('turn: who is let in beside another node', () => {
  const held = record({ open: out('w1'), batch: BATCH });

  it('a node that the batch of the very run names', () => {
    assert.deepEqual(decideTurn(held, asking('w2'), living), { kind: 'take', open: undefined });
  });

  const refused: [string, TurnRecord, Asking][] = [
    ['a run that was asked for one node at a time', held, asking('w2', { batch: [] })],
    ['an engine, which would open several at once', held, asking('w2', { opens: false })],
    ['a node that is not of the batch', held, asking('w3')],
    ['a node that only the asking names', record({ open: out('w1') }), asking('w2')],
    ['a node that only the lease names', held, asking('w2', { batch: ['w2', 'w3'] })],
    ['another run with a batch of the same names', held, asking('w2', { run: 'run-2' })],
    ['a batch while a node of no batch is out', record({ open: out('c1') }), asking('w1')],
    [
      'a batch that leaves one of those out',
      record({ open: out('w1'), mates: [out('w3')], batch: BATCH }),
      asking('w2'),
    ],
  ];
  for (const [what, lease, who] of refused)
    it(`not ${what}`, () => {
      const decision = decideTurn(lease, who, dead);
      assert.equal(decision.kind, 'refuse');
      assert.match(JSON.stringify(decision), /is out of the cluster/);
    });

  it('a run that finishes what another one left may go on with each of its nodes, once that one is gone', () => {
    const left = record({ open: out('w1'), mates: [out('w2')], batch: BATCH, process: {} as never });
    const other = asking('w2', { run: 'run-2', opens: false });
    assert.deepEqual(decideTurn(left, other, dead), { kind: 'take', open: out('w2'), from: 'x@here:1' });
    assert.equal(decideTurn(left, other, living).kind, 'refuse');
    assert.equal(decideTurn(left, { ...other, batch: [] }, dead).kind, 'refuse');
  });

  it('an engine of the run that has the batch takes the lease over from its driver, which lives', () => {
    const left = record({ open: out('w2'), batch: BATCH, process: {} as never });
    const engine = asking('w2', { batch: [], opens: false });
    assert.deepEqual(decideTurn(left, engine, living), { kind: 'take', open: out('w2') });
    assert.equal(decideTurn(left, { ...engine, run: 'run-2' }, living).kind, 'refuse');
    assert.equal(decideTurn(record({ open: out('w2'), process: {} as never }), engine, living).kind, 'refuse');
  });

  it('names every node that is out', () => {
    const left = record({ open: out('w1'), mates: [out('w2')], batch: BATCH });
    const decision = decideTurn(left, asking('w3', { batch: [] }), dead);
    assert.match(JSON.stringify(decision), /node w1 is out of the cluster.*; node w2 is out of the cluster/);
  });
});

describe('turn: the lease of a batch', () => {
  it('one node alone is written as ever, and read as ever', () => {
    const lease = toLease(record({ open: out('w1', true) }), 'kube-system');
    const keys = ['evacuation', 'node', 'places', 'run', 'step', 'vm'].map((key) => `prox-ops.io/${key}`);
    assert.deepEqual(Object.keys(lease.metadata.annotations ?? {}).sort(), keys);
    assert.deepEqual(fromLease(lease).open, out('w1', true));
    assert.deepEqual(openNodes(fromLease(lease)), [out('w1', true)]);
  });

  it('several nodes come back as they were written', () => {
    const written = record({ open: out('w1', true), mates: [out('w2')], batch: BATCH });
    assert.deepEqual(fromLease(toLease(written, 'kube-system')), written);
  });
});

describe('turn: an update of several nodes is refused in its preview', () => {
  beforeEach(forgetAnnouncements);
  after(forgetAnnouncements);

  it('but for the nodes of the batch that the run has named', () => {
    const env = { PROX_OPS_BATCH: 'w1,w2' };
    announceReplacement('w1', 'test', env);
    announceReplacement('w2', 'test', env);
    assert.throws(() => announceReplacement('w3', 'test', env), /expected w1 alone, found w2, w3 as well/);
  });

  it('a bare update names none', () => {
    announceReplacement('w1', 'test', {});
    assert.throws(() => announceReplacement('w2', 'test', {}), /expected w1 alone, found w2 as well/);
  });
});

describe('a batch, step by step', () => {
  let world: World;
  let driver: Run;
  let engine: Run;

  beforeEach(() => {
    world = new World();
    driver = inBatch(world.run('driver'));
    engine = byEngine(world.run('engine'));
    world.proofs.set('driver', false);
    world.proofs.set('engine', false);
  });

  /** The run's own process. */
  function inBatch(run: Run, batch = BATCH): Run {
    return { ctx: { ...run.ctx, runId: 'run-1', batch }, deps: run.deps };
  }

  /** An engine that it starts: told by its environment alone. */
  function byEngine(run: Run, batch = BATCH): Run {
    const env = { PROX_OPS_BATCH: batch.join(','), PROX_OPS_TOGETHER: '1' };
    return { ctx: { ...run.ctx, runId: 'run-1' }, deps: { ...run.deps, env } };
  }

  const goOut = (node: string, by = driver): Promise<void> =>
    world.clock.run(takeOut(world.inputs(node), { ctx: by.ctx, deps: { ...by.deps } }));
  const step = (bracket: Bracket, node: string, by = engine): Promise<void> =>
    world.clock.run(leave(bracket, world.inputs(node), by.ctx, by.deps));
  const come = (bracket: Bracket, node: string, by = engine): Promise<unknown> =>
    world.clock.run(join(bracket, world.inputs(node), by.ctx, by.deps));
  const open = (): string[] => {
    const lease = world.lease();
    return lease ? openNodes(fromLease(lease as never)).map(({ node }) => node) : [];
  };

  it('two workers are taken out one after the other; a replica that goes to a mate goes on with it', async () => {
    world.linstor.replica('r1', 'w1');
    world.linstor.replica('r1', 'w3');
    await expectStop(goOut('w1'), /no other node may take a replica/);
    world.addWorker('w4');
    await goOut('w1');
    assert.deepEqual(world.linstor.on('w2'), ['r1']);
    await goOut('w2');
    assert.deepEqual([world.linstor.on('w1'), world.linstor.on('w2'), world.linstor.on('w4')], [[], [], ['r1']]);
    assert.deepEqual(open(), ['w1', 'w2']);
    assert.deepEqual(world.linstor.writes, ['evacuate w1', 'evacuate w2']);
  });

  it('a third worker, another run and a control plane stay refused', async () => {
    await goOut('w1');
    await goOut('w2');
    await expectStop(goOut('w3'), /node w1 is out of the cluster.*node w2 is out/);
    const other = { ...world.run('run-2') };
    await expectStop(step('turn', 'w2', inOtherRun(other)), /is out of the cluster/);
    await expectStop(step('turn', 'c1', inBatch(world.run('driver'), ['w1', 'w2', 'c1'])), /node w1 is out/);
  });

  function inOtherRun(run: Run): Run {
    return { ctx: { ...run.ctx, runId: 'run-2' }, deps: run.deps };
  }

  it('an engine that takes out two by itself is refused the second, whatever its environment names', async () => {
    await step('turn', 'w1');
    await expectStop(step('turn', 'w2'), /node w1 is out of the cluster/);
  });

  it('a worker does not go beside a control plane, whatever is named', async () => {
    const both = inBatch(world.run('driver'), ['c1', 'w1']);
    await step('turn', 'c1', both);
    await expectStop(step('turn', 'w1', both), /node c1 is out of the cluster/);
  });

  it('what is wrong with a node that is no mate stops the second one', async () => {
    await goOut('w1');
    world.ready('w3', false);
    await expectStop(goOut('w2'), /node w3 is not Ready/, /the lease was given back, nothing was changed/);
    assert.deepEqual(open(), ['w1']);
  });

  it('the engine finds the run’s steps done, with the first VM gone already, and looks once more before the second', async () => {
    world.linstor.replica('r1', 'w3');
    await goOut('w1');
    await goOut('w2');
    for (const node of BATCH) for (const bracket of ['turn', 'drain', 'evacuation'] as const) await step(bracket, node);
    await step('gate', 'w1');
    world.ready('w1', false);
    world.linstor.find('w1').connection_status = 'OFFLINE';
    await step('turn', 'w2');
    await step('evacuation', 'w2');
    await step('gate', 'w2');
    Object.assign(world.linstor.list[0] ?? {}, { flags: ['INACTIVE'] });
    await expectStop(step('gate', 'w2'), /nothing faulty in LINSTOR while several VMs go/);
  });

  it('a volume that LINSTOR does not move keeps its node from going beside another one', async () => {
    world.linstor.replica('local', 'w1', 1, { layer_object: { type: 'STORAGE' }, volumes: [] });
    await expectStop(goOut('w1'), /no LINSTOR resource of any kind left on a node that goes beside another one/);
  });

  it('the engine leaves to the run what touches pods, storage and the lease; the run does it node by node', async () => {
    await goOut('w1');
    await goOut('w2');
    for (const bracket of ['gate', 'evacuation', 'drain', 'turn'] as const) await come(bracket, 'w1');
    assert.deepEqual(open(), ['w1', 'w2']);
    assert.equal(world.node('w1').spec?.unschedulable, true);
    assert.ok(!world.linstor.writes.includes('restore w1'));
    // The mate is not back: it is neither Ready nor is its satellite there, and that is no reason to wait.
    world.ready('w2', false);
    world.linstor.find('w2').connection_status = 'OFFLINE';
    await world.clock.run(abortInPlace(world.inputs('w1'), { ctx: driver.ctx ?? {}, deps: driver.deps ?? {} }));
    assert.deepEqual(open(), ['w2']);
    assert.ok(!world.node('w1').spec?.unschedulable);
    assert.ok(world.linstor.writes.includes('restore w1'));
    const { annotations } = world.lease()?.metadata ?? assert.fail();
    assert.equal(annotations['prox-ops.io/node'], 'w2');
    assert.equal(annotations['prox-ops.io/mates'], undefined);
    assert.equal(annotations['prox-ops.io/batch'], JSON.stringify(BATCH));
  });

  describe('the run is killed with both of them out', () => {
    let next: Run;
    let nextEngine: Run;

    beforeEach(async () => {
      await goOut('w1');
      await goOut('w2');
      world.proofs.set('driver', true);
      const batch = fromLease(world.lease() as never).batch ?? [];
      next = { ...world.run('next'), ctx: { ...world.run('next').ctx, batch } };
      const env = { PROX_OPS_BATCH: batch.join(','), PROX_OPS_TOGETHER: '1' };
      nextEngine = { ctx: world.run('next-engine').ctx ?? {}, deps: { ...world.run('next-engine').deps, env } };
      Object.assign(nextEngine.ctx, { runId: 'next' });
      world.proofs.set('next', false);
      world.proofs.set('next-engine', false);
    });

    const bringBack = (node: string, by = next): Promise<void> =>
      world.clock.run(abortInPlace(world.inputs(node), { ctx: by.ctx, deps: by.deps }));

    it('another run with the lease’s own batch brings back one after the other', async () => {
      for (const node of BATCH) {
        await bringBack(node);
        assert.ok(!world.node(node).spec?.unschedulable);
      }
      assert.deepEqual(open(), []);
      assert.deepEqual(world.linstor.writes.slice(2), ['restore w1', 'restore w2']);
    });

    it('a run that was asked for one node at a time, and a bare update, are refused either of them', async () => {
      await expectStop(step('turn', 'w1', world.run('other')), /node w2 is out of the cluster/);
      await expectStop(step('turn', 'w2', world.run('other')), /node w1 is out of the cluster/);
    });

    it('a living run is not taken over from', async () => {
      world.proofs.set('driver', false);
      await expectStop(bringBack('w1'), /tester@here:driver holds it/);
    });

    it('one whose VM is gone is finished by an engine while the other is gone still', async () => {
      for (const node of BATCH) {
        world.ready(node, false);
        world.linstor.find(node).connection_status = 'OFFLINE';
      }
      world.ready('w1', true);
      world.linstor.find('w1').connection_status = 'ONLINE';
      for (const bracket of ['gate', 'evacuation', 'drain', 'turn'] as const) await come(bracket, 'w1', nextEngine);
      assert.deepEqual(open(), BATCH);
      await bringBack('w1');
      assert.deepEqual(open(), ['w2']);
      world.ready('w2', true);
      world.linstor.find('w2').connection_status = 'ONLINE';
      for (const bracket of ['gate', 'evacuation', 'drain', 'turn'] as const) await come(bracket, 'w2', nextEngine);
      await bringBack('w2');
      assert.deepEqual(open(), []);
    });
  });

  it('the last one gives the lease back', async () => {
    await goOut('w1');
    await goOut('w2');
    for (const node of BATCH)
      await world.clock.run(abortInPlace(world.inputs(node), { ctx: driver.ctx ?? {}, deps: driver.deps ?? {} }));
    assert.equal(world.lease()?.spec['holderIdentity'], '');
    assert.deepEqual(Object.keys(world.lease()?.metadata.annotations ?? {}), []);
  });
});
