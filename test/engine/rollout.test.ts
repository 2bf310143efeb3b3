import assert from 'node:assert/strict';
import {
  cordoned,
  editStack,
  generations,
  powerCut,
  release,
  runPod,
  seen,
  talosVersions,
} from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const EVICT_ALL = ['--set', 'rollout.evictUnmanagedPods=true'];

/** One cluster, from nothing through every ending of a rollout; each test leaves it whole for the next. */
describe('the real engine, on a cluster of six nodes', () => {
  let engine: EngineLab;

  before(async () => {
    const rollout = { healthPasses: 1, strategy: 'replace', evictUnmanagedPods: false };
    engine = await EngineLab.start({ base: 111, nodes: NODES, rollout });
  });

  after(async () => {
    await engine.close();
  });

  it('builds the cluster from nothing', async () => {
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    const status = engine.lab.status();
    assert.deepEqual(status.kubernetes.nodes.filter((node) => node.ready).length, NODES.length);
    assert.equal(status.etcd.members.filter((member) => member.role === 'voter').length, 3);
  });

  it('a preview of the unchanged stack shows no change', async () => {
    const preview = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
  });

  it('a pod that nothing makes again blocks a roll, unless a setting of that roll evicts it', async () => {
    const before = generations(engine);
    await release(engine, 'v1.12.4');
    await runPod(engine, 'lonely', 'k8s-work-1');
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1');
    assert.equal(roll.code, 2, roll.output);
    assert.match(roll.output, /default\/lonely/);
    const plan = await engine.proxOps('plan', '--nodes', 'k8s-work-1');
    assert.equal(plan.code, 2, plan.output);
    assert.deepEqual(generations(engine), before);
  });

  it('R000-7 LINSTOR refuses to evacuate: the VM is untouched, and what was taken down is put back', async () => {
    const before = generations(engine);
    // A change of the machine as well: putting the node back must not make it after all.
    editStack(engine, (document, nodes) => {
      document.setIn([...nodes, 'k8s-work-1', 'hardware'], document.createNode({ memory: 36_864 }));
    });
    // The room goes after the preflight has seen it: only the guard itself is left to notice.
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', 'k8s-work-1', ...EVICT_ALL);
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-1","phase":"drain"/);
    engine.lab.faults.set('evacuation-no-capacity');
    const roll = await finished;
    engine.lab.faults.clear('evacuation-no-capacity');
    assert.equal(roll.code, 3, roll.output);
    assert.match(roll.output, /put back/);
    // The drain before it, whose resource was made with other settings, had those of this roll.
    assert.match(roll.output, /evacuation stopped/);
    assert.deepEqual(generations(engine), before);
    assert.equal(await cordoned(engine, 'k8s-work-1'), false);
    assert.deepEqual(
      engine.lab.status().linstor.nodes.filter((node) => node.flags.length > 0),
      [],
    );
    await holds(engine);
  });

  it('I8 R000-1 killed while a VM is being made, it converges when it is run again: all nodes rolled', async () => {
    const before = generations(engine);
    const driver = engine.begin('roll', '--yes', '--json', ...EVICT_ALL);
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-ctrl-1","phase":"create VM"/);
    powerCut(driver);
    await finished;
    const again = await engine.proxOps('roll', '--yes', ...EVICT_ALL);
    assert.equal(again.code, 0, again.output);
    const after = generations(engine);
    for (const node of NODES) assert.notEqual(after[node], before[node], `${node} was not replaced`);
    assert.deepEqual(talosVersions(engine), Object.fromEntries(NODES.map((node) => [node, 'v1.12.4'])));
    await holds(engine);
  });

  it('a second roll does nothing, and the settings of the one before are not kept', async () => {
    const before = generations(engine);
    const roll = await engine.proxOps('roll', '--yes');
    assert.equal(roll.code, 0, roll.output);
    assert.match(roll.output, /nothing to do/);
    assert.deepEqual(generations(engine), before);
  });
});
