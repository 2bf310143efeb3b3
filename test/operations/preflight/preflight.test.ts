import assert from 'node:assert/strict';
import {
  assess,
  DEFAULT_SETTINGS,
  type Finding,
  type PreflightRequest,
  type TurnRequest,
} from '../../../operations/src/index';
import { takeSnapshot } from '../../../operations/src/preflight/snapshot';
import { toLease } from '../../../operations/src/actions/turnRecord';
import { addressOf, LEASE, World } from '../support/world';

const CONTROL_PLANES = ['c1', 'c2', 'c3'].map(addressOf);
const NODES = ['c1', 'c2', 'c3', 'w1', 'w2', 'w3'];
const RELEASE = { talos: 'v1.13.0', kubernetes: 'v1.36.3' };

/** A cluster with room, whose nodes tell their versions as real ones do. */
function cluster(): World {
  const world = new World();
  for (const name of NODES) {
    const path = `/api/v1/nodes/${name}`;
    const { status } = world.kubernetes.at(path);
    world.kubernetes.put(path, {
      metadata: { labels: { 'kubernetes.io/hostname': name } },
      spec: name.startsWith('c')
        ? { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] }
        : {},
      status: {
        ...status,
        allocatable: { cpu: '4', memory: '8Gi', pods: '10' },
        nodeInfo: { ...status.nodeInfo, osImage: 'Talos (v1.13.0)' },
      },
    });
  }
  world.proxmox.vms.set(9000, { vmid: 9000, name: 'talos-1-13-0-standard-pve1', host: 'pve1', uuid: '' });
  const storage = { host: 'pve1', kind: 'rbd', available: true, content: ['images'], free: 2 ** 40 };
  world.proxmox.surroundings = { ...world.proxmox.surroundings, storages: [{ name: 'ceph', ...storage }] };
  return world;
}

function turn(world: World, name: string, more: Partial<TurnRequest> = {}): TurnRequest {
  const { role, vmId, host, address } = world.inputs(name).node;
  return {
    ...{ name, role, vmId, host, address, action: 'replace', release: RELEASE, pci: [] },
    template: { vmId: 9000, name: 'talos-1-13-0-standard-pve1', host: 'pve1' },
    hardware: { memory: 16384, disks: [{ storage: 'ceph', size: 100 }] },
    ...more,
  };
}

async function preflight(world: World, turns: TurnRequest[], more: Partial<PreflightRequest> = {}): Promise<Finding[]> {
  const session = await world.run('plan').deps.connect!({} as never, world.clock);
  const snapshot = await takeSnapshot(session, DEFAULT_SETTINGS, CONTROL_PLANES, world.clock.now());
  const request = { turns, prepare: [], settings: DEFAULT_SETTINGS, ...more };
  const { findings } = assess(snapshot, request, CONTROL_PLANES, ({ start }) => world.proofs.get(start));
  assert.deepEqual([...world.kubernetes.writes, ...world.linstor.writes, ...world.talos.writes], []);
  return findings;
}

function blockers(findings: Finding[]): string[] {
  return findings
    .filter(({ severity }) => severity === 'blocker')
    .map(({ topic, object, found }) => `${topic} ${object}: ${found}`);
}

function budget(world: World, name: string, status: object, spec: object = { minAvailable: 1 }): void {
  world.kubernetes.put(`/apis/policy/v1/namespaces/default/poddisruptionbudgets/${name}`, {
    metadata: { namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    status,
  });
}

describe('operations/preflight: what a rollout will meet', () => {
  let world: World;

  const web = { metadata: { labels: { app: 'web' } } };

  beforeEach(() => {
    world = cluster();
  });

  it('a healthy cluster has nothing in the way of any node', async () => {
    world.pod('web', 'w1', web);
    assert.deepEqual(
      await preflight(
        world,
        NODES.map((name) => turn(world, name)),
      ),
      [],
    );
  });

  it('a budget that never allows an eviction blocks the node with its pods, and no other', async () => {
    world.pod('web', 'w1', web);
    budget(world, 'web', { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 });
    const found = await preflight(world, [turn(world, 'w1'), turn(world, 'w2')]);
    assert.match(
      blockers(found).join(),
      /^budget PodDisruptionBudget default\/web: minAvailable 1 with 1 pods: it never does$/,
    );
    assert.deepEqual(
      found.map(({ node }) => node),
      ['w1'],
    );
    assert.deepEqual(await preflight(world, [turn(world, 'w2')]), []);
  });

  it('a budget that allows none now is waited for, unless a pod of it is broken', async () => {
    world.pod('web', 'w1', web);
    world.pod('other', 'w2', { ...web, status: { conditions: [] } });
    budget(world, 'web', { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 2 });
    assert.deepEqual(
      (await preflight(world, [turn(world, 'w1')])).map(({ severity, topic }) => [severity, topic]),
      [['warning', 'budget']],
    );
    const containerStatuses = [{ name: 'main', state: { waiting: { reason: 'CrashLoopBackOff' } } }];
    world.pod('other', 'w2', { ...web, status: { conditions: [], containerStatuses } });
    assert.match(blockers(await preflight(world, [turn(world, 'w1')])).join(), /budget .*CrashLoopBackOff/);
  });

  it('two budgets for one pod: the API refuses its eviction for ever', async () => {
    world.pod('web', 'w1', web);
    for (const name of ['a', 'b']) budget(world, name, { disruptionsAllowed: 1, desiredHealthy: 0, expectedPods: 1 });
    assert.match(
      blockers(await preflight(world, [turn(world, 'w1')])).join(),
      /budget pod default\/web: 2: default\/a, default\/b/,
    );
  });

  it('a pod that fits nowhere else waits for its node; with a tight budget the drain would never end', async () => {
    const pinned = { ...web, spec: { nodeSelector: { 'kubernetes.io/hostname': 'w1' } } };
    world.pod('one', 'w1', pinned);
    const alone = await preflight(world, [turn(world, 'w1')]);
    assert.deepEqual(
      alone.map(({ severity, topic, object }) => [severity, topic, object]),
      [['warning', 'scheduling', 'pod default/one']],
    );
    world.pod('two', 'w1', pinned);
    budget(world, 'web', { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 });
    assert.match(
      blockers(await preflight(world, [turn(world, 'w1')])).join(),
      /1 of 2 evictions at a time, and 2 pod\(s\)/,
    );
  });

  it("LINSTOR's controller with nowhere to go is a blocker", async () => {
    world.pod('controller', 'w1', {
      metadata: { labels: { app: 'linstor' } },
      spec: { nodeSelector: { disk: 'none' } },
    });
    const linstorController = { namespace: 'default', selector: 'app=linstor' };
    assert.match(
      blockers(await preflight(world, [turn(world, 'w1')], { linstorController })).join(),
      /scheduling pod default\/controller/,
    );
  });

  it("a probe of the network is over soon: nobody's loss, and no pod that needs another place", async () => {
    world.pod('probe', 'w1', {
      metadata: { labels: { 'prox-ops.io/probe': 'network' }, ownerReferences: [] },
      spec: { nodeName: 'w1', tolerations: [{ operator: 'Exists' }], nodeSelector: { nowhere: 'else' } },
    });
    assert.deepEqual(await preflight(world, [turn(world, 'w1')]), []);
    world.kubernetes.at('/api/v1/namespaces/default/pods/probe').metadata.labels = {};
    assert.deepEqual(blockers(await preflight(world, [turn(world, 'w1')])).length, 1);
  });

  it('pods that must not be evicted, by the settings', async () => {
    world.pod('bare', 'w1', { metadata: { ownerReferences: [] } });
    world.pod('cache', 'w1', { spec: { volumes: [{ name: 'x', emptyDir: {} }] } });
    const settings = { ...DEFAULT_SETTINGS, deleteEmptyDirData: false };
    const found = blockers(await preflight(world, [turn(world, 'w1')], { settings }));
    assert.deepEqual(
      found.map((text) => text.split(':')[0]),
      ['pod pod default/bare', 'pod pod default/cache'],
    );
    const allowed = { ...DEFAULT_SETTINGS, evictUnmanagedPods: true };
    const warnings = await preflight(world, [turn(world, 'w1')], { settings: allowed });
    assert.deepEqual(
      warnings.map(({ severity, object }) => [severity, object]),
      [
        ['warning', 'emptyDir volumes'],
        ['warning', 'unmanaged pods'],
      ],
    );
  });

  it('pods that fit one by one but not together', async () => {
    const big = { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '3' } } }] } };
    for (const name of ['a', 'b', 'c']) world.pod(name, 'w1', big);
    const found = await preflight(world, [turn(world, 'w1')]);
    assert.deepEqual(
      found.map(({ severity, object }) => [severity, object]),
      [['warning', '3 pods together']],
    );
  });

  it('a node that is not Ready blocks the turns before its own, and is no obstacle to its own', async () => {
    world.ready('w2', false);
    assert.match(
      blockers(await preflight(world, [turn(world, 'w1'), turn(world, 'w2')])).join(),
      /^node node w2: not Ready/,
    );
    assert.deepEqual(blockers(await preflight(world, [turn(world, 'w2'), turn(world, 'w1')])), []);
  });

  it('etcd without a quorum, and a member that does not answer', async () => {
    world.machine('c2').reachable = false;
    const found = blockers(await preflight(world, [turn(world, 'c1')]));
    assert.ok(
      found.some((text) => /without this node|at least 2 healthy/.test(text)),
      found.join('\n'),
    );
    assert.ok(
      found.some((text) => /c2 is not healthy/.test(text)),
      found.join('\n'),
    );
  });

  it('control planes that are still to come do not answer, and need not', async () => {
    for (const name of ['c2', 'c3']) {
      world.kubernetes.remove(`/api/v1/nodes/${name}`);
      world.talos.machines.delete(addressOf(name));
      world.proxmox.vms.delete(world.inputs(name).node.vmId);
    }
    const coming = ['c2', 'c3'].map((name) => turn(world, name, { action: 'add' }));
    assert.deepEqual(blockers(await preflight(world, coming)), []);
    const found = blockers(await preflight(world, [turn(world, 'w1')]));
    assert.equal(found.filter((text) => text.startsWith('etcd etcd: 10.0.0.')).length, 2, found.join('\n'));
  });

  it('a node that somebody else cordoned stays so: it blocks every other node’s turn, and not its own', async () => {
    const node = world.kubernetes.at('/api/v1/nodes/w2');
    world.kubernetes.put('/api/v1/nodes/w2', { ...node, spec: { unschedulable: true } });
    const foreign = /^node node w2: cordoned by somebody else$/;
    assert.match(blockers(await preflight(world, [turn(world, 'w1')])).join(), foreign);
    assert.match(blockers(await preflight(world, [turn(world, 'w2'), turn(world, 'w1')])).join(), foreign);
    assert.deepEqual(blockers(await preflight(world, [turn(world, 'w2')])), []);
  });

  it('LINSTOR: faulty, no room, only copy, flagged by somebody else', async () => {
    world.linstor.replica('db', 'w1', 1);
    const single = await preflight(world, [turn(world, 'w1')]);
    assert.ok(single.some(({ severity, found }) => severity === 'warning' && found.includes('its only copy is here')));
    world.linstor.replica('big', 'w1', 500);
    world.linstor.replica('big', 'w2', 500);
    world.linstor.find('w1').flags = ['EVACUATE'];
    const found = blockers(await preflight(world, [turn(world, 'w1')])).join('\n');
    assert.match(found, /storage LINSTOR node w1: flags EVACUATE/);
    assert.match(found, /storage LINSTOR resource big: needs 500.0 GiB/);
    world.linstor.down = true;
    assert.match(blockers(await preflight(world, [turn(world, 'w1')])).join(), /reachability LINSTOR's controller/);
  });

  it('an adopted VM stands under a name of its own until it is replaced', async () => {
    const own = turn(world, 'w1');
    world.proxmox.vms.set(own.vmId, { vmid: own.vmId, name: 'Talos-Worker.01', host: 'pve1', uuid: '' });
    assert.match(blockers(await preflight(world, [own])).join(), /Talos-Worker\.01 on pve1/);
    assert.deepEqual(blockers(await preflight(world, [{ ...own, vmName: 'Talos-Worker.01' }])), []);
  });

  it('Proxmox: host, VM, template, storage, memory and PCI mapping', async () => {
    const wrong = turn(world, 'w1', {
      template: { vmId: 9001, name: 'talos-x', host: 'pve1' },
      hardware: { memory: 512 * 1024, disks: [{ storage: 'gone', size: 10 }] },
      pci: ['gpu0'],
    });
    world.proxmox.vms.set(wrong.vmId, { vmid: wrong.vmId, name: 'somebody', host: 'pve1', uuid: '' });
    const found = blockers(await preflight(world, [wrong])).join('\n');
    for (const object of [
      `VM ${wrong.vmId}`,
      'template 9001',
      'storage gone on pve1',
      'memory of host pve1',
      'PCI mapping gpu0',
    ])
      assert.ok(found.includes(object), `${object} in\n${found}`);
    const prepared = {
      vmId: 8011,
      name: 'talos-y',
      host: 'pve1',
      disk: { storage: 'ceph', size: 10 },
      imageStorage: 'ceph',
    };
    const taken = blockers(await preflight(world, [], { prepare: [prepared] })).join('\n');
    assert.match(taken, /template template 8011: it is somebody/);
    assert.match(taken, /storage ceph on pve1: available, for images/);
    world.proxmox.surroundings = {
      ...world.proxmox.surroundings,
      quorate: false,
      hosts: [{ name: 'pve1', online: false }],
    };
    const down = blockers(await preflight(world, [turn(world, 'w2')])).join('\n');
    assert.match(down, /the Proxmox cluster: not quorate[^]*host pve1: offline/);
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

  it('the lease: held by a living run, by a dead one; a node left open softens what is its doing', async () => {
    const lease = (annotations: object) => ({
      metadata: { namespace: 'kube-system', annotations },
      spec: {
        holderIdentity: 'ann@here:7',
        leaseDurationSeconds: 30,
        renewTime: new Date(world.clock.now()).toISOString(),
      },
    });
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/prox-ops-rollout';
    world.kubernetes.put(
      path,
      lease({ 'prox-ops.io/run': 'r7', 'prox-ops.io/process': JSON.stringify({ start: 'p7' }) }),
    );
    world.proofs.set('p7', false);
    assert.match(
      blockers(await preflight(world, [turn(world, 'w1')])).join(),
      /lock the rollout lease: held by ann@here:7, run r7/,
    );
    world.proofs.set('p7', true);
    world.kubernetes.put(
      path,
      lease({
        'prox-ops.io/process': JSON.stringify({ start: 'p7' }),
        'prox-ops.io/node': 'w2',
        'prox-ops.io/step': 'drain',
      }),
    );
    world.ready('w2', false);
    world.proxmox.vms.delete(turn(world, 'w2').vmId);
    const found = await preflight(world, [turn(world, 'w1'), turn(world, 'w2')]);
    assert.deepEqual(blockers(found), []);
    assert.ok(found.some(({ object, found: text }) => object === 'node w2' && text.includes('last step: drain')));
  });

  it('every node that a stopped run left out is told, and none of them stands in the way', async () => {
    const out = (node: string) => ({ node, vm: '', step: 'drain', evacuated: true, places: {} });
    const record = { holder: '', run: 'r7', renewedAt: 0, acquiredAt: 0, seconds: 30, transitions: 0 };
    const lease = toLease({ ...record, open: out('w1'), mates: [out('w2')], batch: ['w1', 'w2'] }, 'kube-system');
    world.kubernetes.put(LEASE, lease);
    for (const node of ['w1', 'w2']) {
      world.ready(node, false);
      world.linstor.find(node).connection_status = 'OFFLINE';
      world.proxmox.vms.delete(turn(world, node).vmId);
    }
    const found = await preflight(world, [turn(world, 'w1'), turn(world, 'w2'), turn(world, 'w3')]);
    assert.deepEqual(blockers(found), []);
    const told = found.filter(({ topic }) => topic === 'lock').map(({ object }) => object);
    assert.deepEqual(told, ['node w1', 'node w2']);
  });
});
