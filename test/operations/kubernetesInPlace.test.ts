import assert from 'node:assert/strict';
import { changeKubernetes, type InPlaceResult, type KubernetesPart } from '../../operations/src/index';
import { expectStop } from './support/expectStop';
import { RELEASE, World } from './support/world';

const NEW = { ...RELEASE, kubernetes: 'v1.37.0' };
const COMPONENTS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

describe('another Kubernetes on a machine that runs on', () => {
  let world: World;
  let phases: string[];

  beforeEach(() => {
    world = new World();
    world.set({ nodeReadyTimeout: 60 });
    phases = [];
    for (const name of COMPONENTS) show(name, RELEASE.kubernetes);
  });

  /** A static pod of c1, as its kubelet shows it. */
  function show(name: string, version: string, ready = true): void {
    world.kubernetes.put(`/api/v1/namespaces/kube-system/pods/${name}-c1`, {
      metadata: { namespace: 'kube-system', annotations: { 'kubernetes.io/config.mirror': version } },
      spec: { nodeName: 'c1', containers: [{ name, image: `registry.k8s.io/${name}:${version}` }] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    });
  }

  function kubelet(node: string, version: string): void {
    const path = `/api/v1/nodes/${node}`;
    const found = world.kubernetes.at(path);
    const nodeInfo = { ...found.status.nodeInfo, kubeletVersion: version };
    world.kubernetes.put(path, { ...found, status: { ...found.status, nodeInfo } });
  }

  function change(node: string, part: KubernetesPart, apply: () => Promise<void>): Promise<InPlaceResult> {
    const { ctx, deps } = world.run('run-1');
    const onPhase = (phase: string, state: string): void => void (state === 'finished' && phases.push(phase));
    const inputs = { ...world.inputs(node), release: NEW };
    return world.clock.run(changeKubernetes(inputs, { part, apply }, { ctx, deps, onPhase }));
  }

  function free(): boolean {
    return world.lease()?.spec['holderIdentity'] === '';
  }

  it('a control plane: waits until every static pod of it runs the version; its kubelet and member stay', async () => {
    const changed = await change('c1', 'control plane', async () => {
      for (const [index, name] of COMPONENTS.entries()) {
        world.clock.after(1_000 * (index + 1), () => show(name, NEW.kubernetes, false));
        world.clock.after(5_000 * (index + 1), () => show(name, NEW.kubernetes));
      }
      return Promise.resolve();
    });
    assert.deepEqual(changed, { outcome: 'changed' });
    assert.deepEqual(phases, ['turn', 'change', 'join', 'health']);
    assert.match(world.told, /kube-controller-manager v1\.36\.3/);
    assert.match(world.told, /kube-scheduler v1\.37\.0, not ready/);
    assert.deepEqual(world.talos.writes, []);
    assert.notEqual(world.node('c1').spec?.unschedulable, true);
    assert.ok(free());
  });

  it('a kubelet: the node is Ready with it; no pod is evicted, no replica moved', async () => {
    world.pod('web-1', 'w1');
    world.linstor.replica('pvc-1', 'w1');
    const changed = await change('w1', 'kubelet', async () => {
      world.clock.after(2_000, () => world.ready('w1', false));
      world.clock.after(3_000, () => kubelet('w1', NEW.kubernetes));
      world.clock.after(9_000, () => world.ready('w1', true));
      return Promise.resolve();
    });
    assert.deepEqual(changed, { outcome: 'changed' });
    assert.match(world.told, /waiting: the node to be Ready/);
    assert.ok(!world.kubernetes.writes.some((write) => write.includes('eviction') || write.includes('/nodes/')));
    assert.deepEqual(world.linstor.writes, []);
    assert.ok(free());
  });

  it('another node that is not well stops it before anything is changed', async () => {
    world.ready('w3', false);
    const { outcome, why } = await change('w1', 'kubelet', () => assert.fail('applied'));
    assert.equal(outcome, 'put back');
    assert.match(why ?? '', /node w3 is not Ready/);
    assert.deepEqual(phases, []);
    assert.ok(free());
  });

  it('a configuration that the machine refuses leaves it in service, and the lease free', async () => {
    const { outcome, why } = await change('w1', 'kubelet', () =>
      Promise.reject(new Error('InvalidArgument: no such image')),
    );
    assert.equal(outcome, 'put back');
    assert.match(why ?? '', /no such image/);
    assert.ok(free());
  });

  it('a kubelet that does not come back halts with the lease open for its node; running it again goes on', async () => {
    const stopped = change('w1', 'kubelet', () => Promise.resolve());
    await expectStop(stopped, /Ready with kubelet v1\.37\.0 within 60 s/, /still v1\.36\.3/, /prox-ops roll/);
    assert.equal(world.lease()?.metadata.annotations['prox-ops.io/node'], 'w1');
    kubelet('w1', NEW.kubernetes);
    assert.deepEqual(await change('w1', 'kubelet', () => Promise.resolve()), { outcome: 'changed' });
    assert.ok(free());
  });

  it('an API server that is away while it restarts is waited for', async () => {
    const changed = await change('c1', 'control plane', async () => {
      world.kubernetes.down = true;
      world.clock.after(5_000, () => {
        world.kubernetes.down = false;
        for (const name of COMPONENTS) show(name, NEW.kubernetes);
      });
      return Promise.resolve();
    });
    assert.deepEqual(changed, { outcome: 'changed' });
  });
});
