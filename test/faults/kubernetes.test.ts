import assert from 'node:assert/strict';
import { AggregatedKind } from '../support/aggregated-kind';
import { editStack, generations, powerCut, seen } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';
import { VersionSkew } from '../support/version-skew';

const CONTROL_PLANES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3'];
const WORKERS = ['k8s-work-1', 'k8s-work-2', 'k8s-work-3'];
const TALOS = 'v1.11.3';
const OLD = 'v1.31.9';
const NEW = 'v1.32.9';
/** What Kubernetes 1.32 serves no more. */
const REMOVED = {
  group: 'resource.k8s.io',
  version: 'v1alpha3',
  plural: 'podschedulingcontexts',
  kind: 'PodSchedulingContext',
};

/** Another Kubernetes for machines that run on, in the order that Kubernetes supports. */
describe('another Kubernetes in place, on the real engine', () => {
  let engine: EngineLab;
  let skew: VersionSkew;
  let built: Record<string, number>;

  before(async () => {
    engine = await EngineLab.start({ base: 117, nodes: [...CONTROL_PLANES, ...WORKERS], rollout: { healthPasses: 1 } });
    editStack(engine, (document) => {
      document.setIn(['config', 'prox-ops:releases', 'a', 'kubernetes'], OLD);
    });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    built = generations(engine);
    skew = await VersionSkew.watch(engine);
  });

  after(async () => {
    await skew?.stop();
    await engine?.close();
  });

  it('is planned by a replacement, or in place: all API servers, then the kubelets, control planes first', async () => {
    const changed = await engine.proxOps('release', TALOS, '--kubernetes', NEW);
    assert.equal(changed.code, 0, changed.output);
    assert.deepEqual([...new Set((await turns()).map(([, action]) => action))], ['replace']);
    assert.deepEqual(await turns('--strategy', 'in-place'), [
      ...CONTROL_PLANES.map((name) => [name, 'kubernetes', 'API server, controller manager, scheduler']),
      ...[...CONTROL_PLANES, ...WORKERS].map((name) => [name, 'kubernetes', 'kubelet']),
    ]);
  });

  it('objects of a kind that the new release no longer serves block it, until they are gone', async () => {
    const contexts = await AggregatedKind.serve(await engine.lab.parts.kubernetes.adminKubeconfig(), REMOVED);
    try {
      contexts.objects = 2;
      const roll = await engine.proxOps('roll', '--yes', '--strategy', 'in-place');
      assert.equal(roll.code, 2, roll.output);
      assert.match(roll.output, /no object of a kind that v1\.32 no longer serves/);
      assert.match(roll.output, /2 podschedulingcontexts\.v1alpha3\.resource\.k8s\.io/);
      assert.deepEqual(skew.versions, { kubelets: [OLD], servers: [OLD] });
      contexts.objects = 0;
      assert.notDeepEqual(await turns('--strategy', 'in-place'), []);
    } finally {
      await contexts.close();
    }
  });

  it('a run that is killed between the parts of the control planes goes on by running it again', async () => {
    const driver = engine.begin('roll', '--yes', '--strategy', 'in-place', '--json');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-ctrl-2","phase":"join"/);
    powerCut(driver);
    await finished;
    const roll = await engine.proxOps('roll', '--yes', '--strategy', 'in-place');
    assert.equal(roll.code, 0, roll.output);
    assert.match(roll.output, /k8s-work-3: updated in/);
    assert.deepEqual(skew.violations, []);
    assert.deepEqual(skew.versions, { kubelets: [NEW], servers: [NEW] });
  });

  it('no machine was restarted, and nothing is left to do', async () => {
    assert.deepEqual(generations(engine), built);
    const downs = engine.lab.world.events.all().filter(({ type }) => type === 'machine.down');
    assert.deepEqual(downs, []);
    const preview = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
    await holds(engine);
  });

  it('a run that is killed in a worker’s turn: abort gives the lease back, and the next roll does the rest', async () => {
    const next = 'v1.32.10';
    await engine.proxOps('release', TALOS, '--kubernetes', next);
    const driver = engine.begin('roll', '--yes', '--strategy', 'in-place', '--json');
    const finished = engine.finished(driver);
    await seen(driver, /"phase\.started","node":"k8s-work-1","phase":"change"/);
    powerCut(driver);
    await finished;
    const abort = await engine.proxOps('abort');
    assert.equal(abort.code, 0, abort.output);
    const roll = await engine.proxOps('roll', '--yes', '--strategy', 'in-place');
    assert.equal(roll.code, 0, roll.output);
    assert.deepEqual(skew.violations, []);
    assert.deepEqual(skew.versions, { kubelets: [next], servers: [next] });
    assert.deepEqual(generations(engine), built);
    await holds(engine);
  });

  /** Name, action and part of each planned turn. */
  async function turns(...options: string[]): Promise<string[][]> {
    const plan = await engine.proxOps('plan', '--json', ...options);
    assert.equal(plan.code, 0, plan.output);
    const { nodes } = JSON.parse(plan.stdout) as { nodes: { name: string; action: string; why: string[] }[] };
    return nodes.map(({ name, action, why }) => [name, action, why.join().replace(/^.*: /, '')]);
  }
});
