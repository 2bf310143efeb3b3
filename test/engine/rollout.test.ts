import assert from 'node:assert/strict';
import { cordoned, generations, powerCut, release, seen, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

/** One cluster, from nothing through every ending of a rollout; each test leaves it whole for the next. */
describe('the real engine, on a cluster of six nodes', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 111, nodes: NODES, rollout: { healthPasses: 1, strategy: 'replace' } });
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

  it('a bare up that would replace two nodes is refused in its preview, naming both and the command', async () => {
    const before = generations(engine);
    await release(engine, 'v1.12.4');
    const up = await engine.pulumi(['up', '--yes']);
    assert.notEqual(up.code, 0);
    assert.match(up.output, /expected k8s-\S+ alone, found k8s-\S+ as well/);
    assert.match(up.output, /prox-ops roll/);
    assert.deepEqual(generations(engine), before);
  });

  it('R000-7 LINSTOR refuses to evacuate: the VM is untouched, and what was taken down is put back', async () => {
    const before = generations(engine);
    // The room goes after the preflight has seen it: only the guard itself is left to notice.
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', 'k8s-work-1');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-1","phase":"drain"/);
    engine.lab.faults.set('evacuation-no-capacity');
    const roll = await finished;
    engine.lab.faults.clear('evacuation-no-capacity');
    assert.equal(roll.code, 3, roll.output);
    assert.match(roll.output, /put back/);
    assert.deepEqual(generations(engine), before);
    assert.equal(await cordoned(engine, 'k8s-work-1'), false);
    assert.deepEqual(
      engine.lab.status().linstor.nodes.filter((node) => node.flags.length > 0),
      [],
    );
    await holds(engine);
  });

  it('a policy pack blocks an update', async () => {
    const pack = `${__dirname}/../fixtures/policies/refuse-everything`;
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1', '--policy-pack', pack);
    assert.notEqual(roll.code, 0);
    assert.match(roll.output, /refused by the fixture/);
    await engine.proxOps('abort');
    await holds(engine);
  });

  it('I8 R000-1 killed while a VM is being made, it converges when it is run again: all nodes rolled', async () => {
    const before = generations(engine);
    const driver = engine.begin('roll', '--yes', '--json');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-ctrl-1","phase":"create VM"/);
    powerCut(driver);
    await finished;
    const again = await engine.proxOps('roll', '--yes');
    assert.equal(again.code, 0, again.output);
    const after = generations(engine);
    for (const node of NODES) assert.notEqual(after[node], before[node], `${node} was not replaced`);
    assert.deepEqual(talosVersions(engine), Object.fromEntries(NODES.map((node) => [node, 'v1.12.4'])));
    await holds(engine);
  });

  it('a second roll does nothing', async () => {
    const before = generations(engine);
    const roll = await engine.proxOps('roll', '--yes');
    assert.equal(roll.code, 0, roll.output);
    assert.match(roll.output, /nothing to do/);
    assert.deepEqual(generations(engine), before);
  });

  it('with --skip-preview the lease refuses the second node; the first is resumable, and running on converges', async () => {
    const before = generations(engine);
    await release(engine, 'v1.12.5');
    const up = await engine.pulumi(['up', '--yes', '--skip-preview'], { PROX_OPS_PLAN: '1' });
    assert.notEqual(up.code, 0);
    assert.match(up.output, /turn stopped\. Expected: the turn to change the cluster/);
    assert.deepEqual(generations(engine), before);
    const roll = await engine.proxOps('roll', '--yes', '--max-nodes', '1');
    assert.equal(roll.code, 0, roll.output);
    assert.equal(talosVersions(engine)['k8s-ctrl-1'], 'v1.12.5');
    await holds(engine);
  });
});
