import assert from 'node:assert/strict';
import { cordoned, generations, powerCut, seen, talosVersions } from '../support/engine-cluster';
import { replicasByNode } from '../support/linstor-replicas';
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
    const target = await cluster.nextRelease();
    const before = talosVersions(engine);
    const [good, bad] = await cluster.pair();
    engine.lab.monitor.allowWorkersOut(2);
    engine.lab.faults.set('never-ready', bad);
    const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...WORKERS);
    const finished = engine.finished(driver);
    await seen(driver, /"type":"rollback\.started"/);
    engine.lab.faults.clear('never-ready', bad);
    const { code, output } = await finished;
    assert.equal(code, 3, output);
    assert.equal(talosVersions(engine)[good], target, output);
    assert.equal(talosVersions(engine)[bad], before[bad]);
    const well = output.indexOf(`"node.finished","node":"${good}","outcome":"replaced"`);
    assert.ok(well > 0 && well < output.indexOf('"type":"rollback.started"'), output);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
    await engine.proxOps('rollback', bad, '--clear');
  });

  it('storage breaks while the second one is taken out: no VM is touched, both are put back', async () => {
    const { engine } = cluster;
    await cluster.nextRelease();
    const before = generations(engine);
    const pair = await cluster.pair();
    const elsewhere = WORKERS.find((name) => !pair.includes(name)) ?? assert.fail();
    engine.lab.monitor.allowWorkersOut(2);
    const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...pair);
    const finished = engine.finished(driver);
    await seen(driver, new RegExp(`"phase\\.started","node":"${pair[1]}","phase":"turn"`));
    engine.lab.faults.set('resource-faulty', elsewhere);
    await seen(
      driver,
      new RegExp(`"phase\\.started","node":"${pair[0]}","phase":"restore"|"node.finished","node":"${pair[0]}"`),
    );
    engine.lab.faults.clear();
    const { code, output } = await finished;
    assert.equal(code, 3, output);
    assert.match(output, new RegExp(`"node":"${pair[0]}","outcome":"put back"`));
    assert.deepEqual(generations(engine), before, output);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
  });

  for (const [death, phase] of [
    ['drain', 'drain'],
    ['create VM', 'create VM'],
    ['join', 'join'],
    ['uncordon', 'uncordon'],
  ] as const)
    it(`driver and engine killed at ${death}: told by status and unlock, run again: converges`, async () => {
      const { engine } = cluster;
      const target = await cluster.nextRelease();
      const pair = await cluster.pair();
      engine.lab.monitor.allowWorkersOut(2);
      const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...pair);
      const finished = engine.finished(driver);
      await seen(driver, new RegExp(`"phase\\.started","node":"${pair[1]}","phase":"${phase}"`));
      powerCut(driver);
      const first = await finished;
      if (phase !== 'uncordon') {
        const status = await engine.proxOps('status');
        for (const name of pair) assert.match(status.stdout, new RegExp(`node ${name} is out of the cluster`));
      }
      await cluster.converges(first, '--parallel', '2', '--nodes', ...pair);
      for (const name of pair) assert.equal(talosVersions(engine)[name], target);
      await inService();
      await holds(engine);
      engine.lab.monitor.allowWorkersOut(1);
    });

  it('killed while they are taken out: abort puts both back', async () => {
    const { engine } = cluster;
    await cluster.nextRelease();
    const before = generations(engine);
    const pair = await cluster.pair();
    engine.lab.monitor.allowWorkersOut(2);
    const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...pair);
    const finished = engine.finished(driver);
    await seen(driver, new RegExp(`"phase\\.started","node":"${pair[1]}","phase":"evacuate"`));
    powerCut(driver);
    const first = await finished;
    const abort = await engine.proxOps('abort');
    assert.equal(abort.code, 0, `${first.output}\n--- abort:\n${abort.output}`);
    assert.deepEqual(generations(engine), before);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
  });

  it('Ctrl-C once a VM is gone: both are finished, none is begun', async () => {
    const { engine } = cluster;
    const target = await cluster.nextRelease();
    const pair = await cluster.pair();
    engine.lab.monitor.allowWorkersOut(2);
    const driver = engine.begin('roll', '--yes', '--json', '--parallel', '2', '--nodes', ...WORKERS);
    const finished = engine.finished(driver);
    await seen(driver, new RegExp(`"phase\\.started","node":"${pair[0]}","phase":"create VM"`));
    driver.kill('SIGINT');
    const { code, output } = await finished;
    assert.equal(code, 130, output);
    const rolled = WORKERS.filter((name) => talosVersions(engine)[name] === target);
    assert.ok(rolled.every((name) => pair.includes(name)) && rolled.length > 0, output);
    await inService();
    await holds(engine);
    engine.lab.monitor.allowWorkersOut(1);
  });

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
