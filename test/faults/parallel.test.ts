import assert from 'node:assert/strict';
import { cordoned, generations, powerCut, seen, talosVersions } from '../support/engine-cluster';
import { replicasByNode } from '../support/linstor-replicas';
import type { Finished } from '../support/engine-lab';
import { mostAway, ParallelCluster, WORKERS } from '../support/parallel-cluster';
import { holds } from '../support/verdict';

const BASE = 124;

/** The monitor's limit is set here, by whoever asks for several nodes out: it is told nothing by the driver. */
describe('roll --parallel: several workers at the same time, only where no invariant can break', () => {
  let cluster: ParallelCluster;
  const rollout = { nodeReadyTimeout: 40, maxRemediations: 1, healthTimeout: 60, healthCheckTimeout: 15 };

  before(async () => {
    cluster = await ParallelCluster.start(BASE, rollout);
  });

  after(async () => {
    await cluster?.engine.close();
  });

  it('the plan says which go together and why the others go alone, and without --parallel nothing of it', async () => {
    await cluster.nextRelease();
    const { batches = [], parallel } = await cluster.plan('--parallel', '2');
    assert.equal(parallel, 2);
    assert.deepEqual(batches.flatMap(({ nodes }) => nodes).sort(), Object.keys(generations(cluster.engine)).sort());
    for (const { nodes, alone } of batches) {
      assert.ok(nodes.length <= 2);
      assert.equal(alone === undefined, nodes.length === 2, JSON.stringify({ nodes, alone }));
      assert.ok(nodes.length === 1 || nodes.every((name) => WORKERS.includes(name)), nodes.join());
    }
    const held = await replicasByNode(BASE);
    for (const { nodes } of batches.filter((batch) => batch.nodes.length === 2)) {
      const names = nodes.flatMap((name) => held.get(name) ?? []);
      assert.equal(new Set(names).size, names.length, `${nodes.join()} share a resource`);
    }
    assert.ok(batches.some(({ nodes }) => nodes.length === 2));
    assert.ok(!('batches' in (await cluster.plan())));
    const text = await cluster.engine.proxOps('plan', '--parallel', '2');
    assert.match(text.stdout, /up to 2 workers at the same time where nothing speaks against it, as was asked for/);
    assert.match(text.stdout, /k8s-ctrl-1 alone: a control plane always goes alone/);
    await holds(cluster.engine);
  });

  it('all nodes are rolled, control planes alone, workers two at a time where they can', async () => {
    const { engine } = cluster;
    const { seq } = engine.lab.world.events.all().at(-1) ?? assert.fail();
    engine.lab.monitor.allowWorkersOut(2);
    const roll = await engine.proxOps('roll', '--yes', '--parallel', '2');
    assert.equal(roll.code, 0, roll.output);
    const events = engine.lab.world.events.all().filter((event) => event.seq > seq);
    assert.equal(mostAway(events, WORKERS), 2, roll.output);
    assert.equal(mostAway(events, Object.keys(generations(engine))), 2);
    assert.match(roll.output, /up to 2 workers out at the same time, as was asked for/);
    assert.match(roll.output, /out at the same time \(up to 2 workers, as was asked for\)/);
    for (const version of Object.values(talosVersions(engine))) assert.equal(version, 'v1.12.4');
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
  });

  it('two that hold replicas of one resource go one after the other, whatever was asked for', async () => {
    const { engine } = cluster;
    await cluster.nextRelease();
    const held = await replicasByNode(BASE);
    const [node, other] = sharing(held);
    const roll = await engine.proxOps('roll', '--yes', '--parallel', '2', '--nodes', node, other);
    assert.equal(roll.code, 0, roll.output);
    assert.doesNotMatch(roll.output, /out at the same time \(/);
    // The monitor knows of no second one.
    await holds(engine);
  });

  it('one mate never comes up: the other is finished and well first, then the failed one is rolled back', async () => {
    const { engine } = cluster;
    const { pair, target } = await cluster.pair();
    const [good, bad] = pair;
    const before = talosVersions(engine);
    engine.lab.monitor.allowWorkersOut(2);
    engine.lab.faults.set('never-ready', bad);
    const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...pair);
    const finished = engine.finished(driver);
    await seen(driver, /"type":"rollback\.started"/);
    engine.lab.faults.clear('never-ready', bad);
    const { code, output } = await finished;
    assert.equal(code, 3, output);
    assert.equal(talosVersions(engine)[good], target, output);
    assert.equal(talosVersions(engine)[bad], before[bad]);
    const well = output.indexOf(outcome(good, 'replaced'));
    assert.ok(well > 0 && well < output.indexOf('"type":"rollback.started"'), output);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
    await engine.proxOps('rollback', bad, '--clear');
  });

  it('storage breaks while the second one is taken out: no VM is touched, both are put back', async () => {
    const { engine } = cluster;
    const { pair } = await cluster.pair();
    const before = generations(engine);
    const elsewhere = [...(await replicasByNode(BASE)).keys()].find((name) => !pair.includes(name)) ?? assert.fail();
    engine.lab.monitor.allowWorkersOut(2);
    const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...pair);
    const finished = engine.finished(driver);
    await seen(driver, phase(pair[1], 'turn'));
    engine.lab.faults.set('resource-faulty', elsewhere);
    await seen(driver, new RegExp(`${phase(pair[0], 'restore').source}|"node\\.finished","node":"${pair[1]}"`));
    engine.lab.faults.clear();
    const { code, output } = await finished;
    assert.equal(code, 3, output);
    assert.ok(output.includes(outcome(pair[0], 'put back')), output);
    assert.deepEqual(generations(engine), before, output);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
  });

  it('killed while they are taken out: status names both, abort puts both back', async () => {
    const { engine } = cluster;
    const { pair } = await cluster.pair();
    const before = generations(engine);
    engine.lab.monitor.allowWorkersOut(2);
    const first = await killedAt(pair, pair[1], 'evacuate');
    await namesBoth(pair);
    const abort = await engine.proxOps('abort');
    assert.equal(abort.code, 0, `${first.output}\n--- abort:\n${abort.output}`);
    assert.deepEqual(generations(engine), before);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
  });

  for (const [at, of] of [
    ['drain', 1],
    ['create VM', 0],
    ['join', 1],
    ['uncordon', 1],
  ] as const)
    it(`driver and engine killed at ${at} of one: a roll brings both in and goes on`, async () => {
      const { engine } = cluster;
      const { pair, target } = await cluster.pair();
      engine.lab.monitor.allowWorkersOut(2);
      const first = await killedAt(pair, pair[of], at);
      if (at !== 'uncordon') await namesBoth(pair);
      const again = await engine.proxOps('roll', '--yes', '--parallel', '2', '--nodes', ...pair);
      assert.equal(again.code, 0, `${first.output}\n--- run again:\n${again.output}`);
      for (const name of pair) assert.equal(talosVersions(engine)[name], target, again.output);
      await inService();
      await holds(engine);
      engine.lab.monitor.allowWorkersOut(1);
    });

  it('Ctrl-C once a VM is gone: what is gone is finished, what stands is put back', async () => {
    const { engine } = cluster;
    const { pair, target } = await cluster.pair();
    engine.lab.monitor.allowWorkersOut(2);
    const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...pair);
    const finished = engine.finished(driver);
    await seen(driver, phase(pair[0], 'create VM'));
    driver.kill('SIGINT');
    const { code, output } = await finished;
    assert.equal(talosVersions(engine)[pair[0]], target, output);
    // With both of them finished nothing was left to stop before.
    assert.equal(code, talosVersions(engine)[pair[1]] === target ? 0 : 130, output);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
  });

  async function killedAt(pair: string[], node: string, at: string): Promise<Finished> {
    const driver = cluster.engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...pair);
    const finished = cluster.engine.finished(driver);
    await seen(driver, phase(node, at));
    powerCut(driver);
    return finished;
  }

  async function namesBoth(pair: string[]): Promise<void> {
    for (const command of ['status', 'unlock']) {
      const { stdout } = await cluster.engine.proxOps(command);
      for (const name of pair) assert.match(stdout, new RegExp(`node ${name} is out of the cluster`), command);
    }
  }

  function phase(node: string, name: string): RegExp {
    return new RegExp(`"phase\\.started","node":"${node}","phase":"${name}"`);
  }

  function outcome(node: string, what: string): string {
    return `"node.finished","node":"${node}","outcome":"${what}"`;
  }

  async function inService(): Promise<void> {
    for (const name of WORKERS) assert.equal(await cordoned(cluster.engine, name), false, name);
    const status = await cluster.engine.proxOps('status');
    assert.match(status.stdout, /Rollout: nobody is at it\./);
    assert.match(status.stdout, /LINSTOR: nothing faulty/);
  }

  function sharing(held: Map<string, string[]>): [string, string] {
    for (const [node, names] of held)
      for (const [other, others] of held)
        if (node < other && names.some((name) => others.includes(name))) return [node, other];
    assert.fail('no two nodes hold replicas of one resource');
  }
});
