import assert from 'node:assert/strict';
import type { PreflightRequest, TurnRequest } from '../../../operations/src/index';
import { blockers, budget, cluster, NODES, preflight, turn } from '../support/preflight';
import type { World } from '../support/world';

describe('operations/preflight: versions', () => {
  let world: World;

  const web = { metadata: { labels: { app: 'web' } } };

  beforeEach(() => {
    world = cluster();
  });

  it('versions: no skipped Talos minor, no kubelet newer than an API server', async () => {
    const skipped = turn(world, 'w1', { release: { talos: 'v1.15.0', kubernetes: 'v1.36.3' } });
    assert.match(blockers(await preflight(world, [skipped])).join(), /version Talos: v1.13.0 -> v1.15.0/);
    const beyond = turn(world, 'w1', { release: { talos: 'v2.1.0', kubernetes: 'v1.36.3' } });
    const path = (await preflight(world, [beyond])).find(({ object }) => object === 'Talos');
    assert.equal(path?.expected, 'one minor at a time: a release of v2.0 first');
    world.kubernetes.put('/api/v1/namespaces/kube-system/pods/kube-apiserver-c1', {
      metadata: { namespace: 'kube-system', annotations: { 'kubernetes.io/config.mirror': 'x' } },
      spec: { nodeName: 'c1', containers: [{ name: 'a', image: 'registry.k8s.io/kube-apiserver:v1.36.3' }] },
    });
    const release = { talos: 'v1.13.0', kubernetes: 'v1.37.0' };
    assert.match(
      blockers(await preflight(world, [turn(world, 'w1', { release })])).join(),
      /version Kubernetes: kubelet v1.37.0/,
    );
    assert.deepEqual(
      blockers(await preflight(world, [turn(world, 'c1', { release }), turn(world, 'w1', { release })])),
      [],
    );
  });

  it('Kubernetes in place: kubelets after every API server, never back a minor, and nothing that a drain would ask', async () => {
    for (const name of ['c1', 'c2'])
      world.kubernetes.put(`/api/v1/namespaces/kube-system/pods/kube-apiserver-${name}`, {
        metadata: { namespace: 'kube-system', annotations: { 'kubernetes.io/config.mirror': 'x' } },
        spec: { nodeName: name, containers: [{ name: 'a', image: 'registry.k8s.io/kube-apiserver:v1.36.3' }] },
      });
    world.pod('web-1', 'w1', web);
    budget(world, 'web', { disruptionsAllowed: 0, expectedPods: 1, currentHealthy: 1, desiredHealthy: 1 });
    const part = (name: string, what: TurnRequest['part'], kubernetes = 'v1.37.0') =>
      turn(world, name, { action: 'kubernetes', part: what!, release: { talos: 'v1.13.0', kubernetes } });
    const servers = ['c1', 'c2'].map((name) => part(name, 'control plane'));
    assert.deepEqual(blockers(await preflight(world, [...servers, part('c1', 'kubelet'), part('w1', 'kubelet')])), []);
    const early = [servers[0]!, part('c1', 'kubelet'), servers[1]!];
    assert.match(blockers(await preflight(world, early)).join(), /kubelet v1.37.0, the API server of c2 is v1.36.3/);
    const back = blockers(await preflight(world, [part('w1', 'kubelet', 'v1.35.9')]));
    assert.deepEqual(back, ['version Kubernetes: v1.36.3 -> v1.35.9']);
    const far = blockers(await preflight(world, [part('c1', 'control plane', 'v1.38.0')]));
    assert.match(far.join(), /v1.38.0, the API server of c1 is v1.36.3/);
  });

  it('Kubernetes: flags, feature gates and plugins that the release to come no longer knows', async () => {
    const pod = (name: string, ...flags: string[]) =>
      world.kubernetes.put(`/api/v1/namespaces/kube-system/pods/${name}-c1`, {
        metadata: { namespace: 'kube-system', annotations: { 'kubernetes.io/config.mirror': 'x' } },
        spec: {
          nodeName: 'c1',
          containers: [
            { name, image: `registry.k8s.io/${name}:v1.31.4`, command: [`/usr/local/bin/${name}`, ...flags] },
          ],
        },
      });
    for (const name of NODES) {
      const path = `/api/v1/nodes/${name}`;
      const node = world.kubernetes.at(path);
      const nodeInfo = { ...node.status.nodeInfo, kubeletVersion: 'v1.31.4' };
      world.kubernetes.put(path, { ...node, status: { ...node.status, nodeInfo } });
    }
    pod('kube-apiserver', '--feature-gates=KMSv2=true,InPlacePodVerticalScaling=true', '--v=2');
    const to = (kubernetes: string, name = 'c1') => [turn(world, name, { release: { talos: 'v1.13.0', kubernetes } })];
    const said = async (turns: TurnRequest[], more: Partial<PreflightRequest> = {}) =>
      blockers(await preflight(world, turns, more)).filter((text) => text.startsWith('version Kubernetes'));
    assert.deepEqual(await said(to('v1.31.9')), []);
    assert.deepEqual(await said(to('v1.32.1')), ['version Kubernetes: kube-apiserver: feature gate KMSv2']);
    pod('kube-apiserver', '--v=2');
    pod('kube-scheduler', '--feature-gates=NodeOutOfServiceVolumeDetach=true');
    assert.match((await said(to('v1.32.1'))).join(), /kube-scheduler: feature gate NodeOutOfServiceVolumeDetach/);
    pod('kube-scheduler');
    assert.deepEqual(await said(to('v1.32.1'), { kubeletArgs: { 'max-pods': '200' } }), []);
    const gates = { kubeletArgs: { 'feature-gates': 'ServerSideApply=true' } };
    assert.deepEqual(await said(to('v1.32.1'), gates), ['version Kubernetes: kubelet: feature gate ServerSideApply']);
  });

  it('Kubernetes: objects of kinds that the release to come no longer serves, said once', async () => {
    for (const name of ['c1', 'c2', 'c3'])
      world.kubernetes.put(`/api/v1/namespaces/kube-system/pods/kube-apiserver-${name}`, {
        metadata: { namespace: 'kube-system', annotations: { 'kubernetes.io/config.mirror': 'x' } },
        spec: { nodeName: name, containers: [{ name: 'a', image: 'registry.k8s.io/kube-apiserver:v1.31.4' }] },
      });
    const found = async (kubernetes: string, action: TurnRequest['action'] = 'kubernetes') => {
      const part = action === 'kubernetes' ? ({ part: 'control plane' } as const) : {};
      const release = { talos: 'v1.13.0', kubernetes };
      const turns = ['c1', 'c2', 'c3'].map((name) => turn(world, name, { action, ...part, release }));
      const all = await preflight(world, turns);
      return all.filter(({ expected }) => expected.startsWith('no object of a kind'));
    };
    assert.deepEqual(await found('v1.32.1'), []);
    const kind = '/apis/resource.k8s.io/v1alpha3/namespaces/default/podschedulingcontexts';
    for (const name of ['one', 'two']) world.kubernetes.put(`${kind}/${name}`, { metadata: { namespace: 'default' } });
    assert.deepEqual(await found('v1.31.9'), []);
    for (const action of ['kubernetes', 'replace'] as const) {
      const [finding, ...more] = await found('v1.32.1', action);
      assert.deepEqual([finding?.severity, finding?.node, more], ['blocker', 'c1', []]);
      assert.equal(finding?.expected, 'no object of a kind that v1.32 no longer serves');
      assert.equal(finding?.found, '2 podschedulingcontexts.v1alpha3.resource.k8s.io');
    }
  });
});
