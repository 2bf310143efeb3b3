import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { FaultName } from '../../lab/world/faults';
import { generations, release, seen, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const OLD = 'v1.11.3';
const NEW = 'v1.12.4';

/** A new release does not come up; on the old one, the machine is well again. */
describe('R004-FR8 a node that does not come up is rolled back', () => {
  let engine: EngineLab;

  before(async () => {
    const rollout = {
      healthPasses: 1,
      nodeReadyTimeout: 40,
      etcdTimeout: 20,
      healthTimeout: 30,
      healthCheckTimeout: 10,
      maxRemediations: 1,
    };
    const linstor = { evacuationTimeout: 20, settleTimeout: 20 };
    engine = await EngineLab.start({ base: 113, nodes: NODES, rollout, linstor });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    await release(engine, NEW);
  });

  after(async () => {
    await engine.close();
  });

  const cases: [node: string, fault: FaultName][] = [
    ['k8s-work-1', 'never-ready'],
    ['k8s-work-1', 'never-boots'],
    ['k8s-work-1', 'stays-in-maintenance'],
    ['k8s-work-1', 'wrong-kubelet-version'],
    ['k8s-work-1', 'config-fails'],
    ['k8s-work-1', 'start-fails'],
    ['k8s-ctrl-2', 'never-ready'],
    ['k8s-ctrl-2', 'etcd-never-voter'],
  ];
  for (const [node, fault] of cases) {
    it(`${node}: ${fault}`, async () => {
      const before = generations(engine);
      engine.lab.faults.set(fault, node);
      const driver = engine.begin('roll', '--yes', '--json', '--nodes', node);
      const finished = engine.finished(driver);
      await seen(driver, /"type":"rollback\.started"/);
      engine.lab.faults.clear(fault, node);
      const { code, output } = await finished;
      assert.equal(code, 3, output);
      assert.match(output, /"outcome":"rolled back"/);
      assert.equal(talosVersions(engine)[node], OLD);
      assert.notEqual(generations(engine)[node], before[node]);
      await held(node);
      await holds(engine);
      await engine.proxOps('rollback', node, '--clear');
    });
  }

  it('a rollback that fails as well halts with what to do, and a roll goes on with it', async () => {
    engine.lab.faults.set('never-ready', 'k8s-work-2');
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-2', 'k8s-work-3');
    assert.equal(roll.code, 4, roll.output);
    assert.match(roll.output, /the rollback to v1\.11\.3 failed as well\. No other node was touched/);
    engine.lab.faults.clear('never-ready', 'k8s-work-2');
    const again = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-2');
    assert.equal(again.code, 0, again.output);
    assert.equal(talosVersions(engine)['k8s-work-2'], OLD);
    await holds(engine);
  });

  it('a rollback that the storage stops halts as well, and a roll goes on with it', async () => {
    const node = 'k8s-work-1';
    await follow(node);
    engine.lab.faults.set('never-ready', node);
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', node);
    const finished = engine.finished(driver);
    await seen(driver, /"type":"rollback\.started"/);
    engine.lab.faults.set('resource-faulty', 'k8s-work-2');
    engine.lab.faults.clear('never-ready', node);
    const { code, output } = await finished;
    assert.equal(code, 4, output);
    assert.match(output, /the rollback to v1\.11\.3 failed as well/);
    engine.lab.faults.clear('resource-faulty', 'k8s-work-2');
    const again = await engine.proxOps('roll', '--yes', '--nodes', node);
    assert.equal(again.code, 0, again.output);
    assert.equal(talosVersions(engine)[node], OLD);
    await holds(engine);
  });

  it('by hand: a node goes back, stays there through an up, and follows the active release when it is let go', async () => {
    const node = 'k8s-work-3';
    const roll = await engine.proxOps('roll', '--yes', '--nodes', node);
    assert.equal(roll.code, 0, roll.output);
    const back = await engine.proxOps('rollback', node, '--yes');
    assert.equal(back.code, 0, back.output);
    assert.equal(talosVersions(engine)[node], OLD);
    await held(node);
    await engine.proxOps('rollback', node, '--clear');
    const plan = await engine.proxOps('plan', '--json');
    assert.ok((JSON.parse(plan.stdout) as { nodes: { name: string }[] }).nodes.some(({ name }) => name === node));
    await holds(engine);
  });

  /** An earlier case may have left the node held on its old slot. */
  async function follow(node: string): Promise<void> {
    await engine.proxOps('rollback', node, '--clear');
    assert.equal(talosVersions(engine)[node], OLD);
  }

  /** The stack file holds the node on its old slot, and the next plan wants nothing of it. */
  async function held(node: string): Promise<void> {
    assert.match(readFileSync(engine.stackFile, 'utf8'), /release: a/);
    const plan = await engine.proxOps('plan', '--json');
    assert.ok(!(JSON.parse(plan.stdout) as { nodes: { name: string }[] }).nodes.some(({ name }) => name === node));
  }
});
