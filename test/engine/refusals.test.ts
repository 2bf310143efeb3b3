import assert from 'node:assert/strict';
import { editStack, generations, release, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

/** What refuses an update that nobody should make: the preview, a policy pack, the lease. */
describe('the real engine refuses, on a cluster of six nodes', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 115, nodes: NODES, rollout: { healthPasses: 1 } });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
  });

  after(async () => {
    await engine?.close();
  });

  it('a bare up is refused where a node would leave without the guard that the stack file asks for again', async () => {
    const guard = ['config', 'prox-ops:linstor', 'guardEnabled'];
    editStack(engine, (document) => {
      document.setIn(guard, false);
    });
    // Our own command asks our own policies, which do not let that pass.
    const up = await engine.pulumi(['up', '--yes']);
    assert.equal(up.code, 0, up.output);
    editStack(engine, (document, nodes) => {
      document.setIn(guard, true);
      const other = document.createNode({ talos: 'v1.12.4', kubernetes: 'v1.34.1' });
      document.setIn(['config', 'prox-ops:releases', 'b'], other);
      document.setIn([...nodes, 'k8s-work-1', 'release'], 'b');
    });
    const preview = await engine.pulumi(['preview']);
    assert.notEqual(preview.code, 0, preview.output);
    assert.match(preview.output, /k8s-work-1: expected .*found that it was joined without that guard/);
    const plan = await engine.proxOps('plan', '--nodes', 'k8s-work-1');
    assert.equal(plan.code, 0, plan.output);
    editStack(engine, (document, nodes) => {
      document.deleteIn([...nodes, 'k8s-work-1', 'release']);
    });
    const guarded = await engine.pulumi(['up', '--yes']);
    assert.equal(guarded.code, 0, guarded.output);
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

  it('a policy pack blocks an update', async () => {
    const pack = `${__dirname}/../fixtures/policies/refuse-everything`;
    const roll = await engine.proxOps('roll', '--yes', '--nodes', 'k8s-work-1', '--policy-pack', pack);
    assert.notEqual(roll.code, 0);
    assert.match(roll.output, /refused by the fixture/);
    await engine.proxOps('abort');
    await holds(engine);
  });

  it('with --skip-preview the lease refuses the second node; the first is resumable, and running on converges', async () => {
    const before = generations(engine);
    const up = await engine.pulumi(['up', '--yes', '--skip-preview'], { PROX_OPS_PLAN: '1' });
    assert.notEqual(up.code, 0);
    assert.match(up.output, /turn stopped\. Expected: the turn to change the cluster/);
    assert.deepEqual(generations(engine), before);
    const roll = await engine.proxOps('roll', '--yes', '--max-nodes', '1');
    assert.equal(roll.code, 0, roll.output);
    assert.equal(talosVersions(engine)['k8s-ctrl-1'], 'v1.12.4');
    await holds(engine);
  });
});
