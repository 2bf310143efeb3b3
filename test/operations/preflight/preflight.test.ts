import assert from 'node:assert/strict';
import { DEFAULT_SETTINGS } from '../../../operations/src/index';
import { toLease } from '../../../operations/src/actions/turnRecord';
import { NODES, cluster, turn, preflight, blockers, budget } from '../support/preflight';
import { addressOf, LEASE, type World } from '../support/world';

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
