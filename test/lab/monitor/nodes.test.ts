import assert from 'node:assert/strict';
import { NEW, OLD, Scene } from './scene.js';

const ALL = ['control-1', 'control-2', 'control-3', 'worker-1', 'worker-2', 'worker-3'];

describe('safety monitor, a clean run', () => {
  it('stays clean while all nodes are replaced one by one, twice', async () => {
    const scene = new Scene().build();
    for (const name of ALL) scene.replace(name, NEW);
    for (const name of ALL) scene.replace(name, { ...NEW, talos: 'v1.14.0' });
    assert.deepEqual(await scene.violated(), []);
  });

  it('does not judge the first build, in which nothing is available yet', async () => {
    const scene = new Scene();
    scene.emit({ type: 'linstor.faulty', resources: ['pvc-9'] });
    scene.emit({ type: 'etcd.quorum', has: false, live: 0, voters: 0 });
    scene.emit({ type: 'linstor.faulty', resources: [] });
    scene.build();
    assert.deepEqual(await scene.violated(), []);
  });

  it('lets a node that failed to join be put back to its old release, and then all be rolled', async () => {
    const scene = new Scene().build();
    for (const name of ALL.slice(0, 3)) scene.replace(name, NEW);
    scene.leave('worker-1');
    scene.deleteVm('worker-1');
    scene.create('worker-1');
    scene.run('worker-1', NEW);
    scene.deleteVm('worker-1');
    scene.join('worker-1', OLD);
    for (const name of ALL.slice(0, 3)) scene.replace(name, OLD);
    assert.deepEqual(await scene.violated(), []);
  });

  it('lets a node leave for good, and does not count it as unavailable afterwards', async () => {
    const scene = new Scene().build();
    scene.leave('worker-3');
    scene.deleteVm('worker-3');
    scene.kubernetes.remove('worker-3');
    scene.replace('worker-1');
    assert.deepEqual(await scene.violated(), []);
  });

  it('judges nothing that is done to nodes after it was told that the cluster is torn down', async () => {
    const scene = new Scene().build();
    scene.monitor.disarm();
    for (const name of ALL) scene.deleteVm(name);
    assert.deepEqual(await scene.violated(), []);
  });
});

describe('safety monitor, I1: one node at a time', () => {
  it('reports a second node cordoned while the first is out, with the moment and both reasons', async () => {
    const scene = new Scene().build();
    scene.leave('worker-1');
    scene.stopVm('worker-1');
    const { seq } = scene;
    scene.kubernetes.set('worker-2', { cordoned: true });
    const { violations } = await scene.verdict('I1');
    assert.equal(violations.length, 1);
    assert.equal(violations[0]?.seq, seq);
    assert.match(
      violations[0]?.what ?? '',
      /worker-2 .*cordoned.* while worker-1 \(VM stopped, machine off, cordoned\)/,
    );
    assert.deepEqual(Object.keys(violations[0]?.evidence['unavailable'] as object), ['worker-2', 'worker-1']);
  });

  it('reports a VM stopped while another node is cordoned, at the stop and not later', async () => {
    const scene = new Scene().build();
    scene.kubernetes.set('worker-1', { cordoned: true });
    scene.evacuate('worker-2');
    scene.stopVm('worker-2');
    const [violation] = (await scene.verdict('I1')).violations;
    assert.equal(scene.events.all()[violation?.seq ?? 0]?.type, 'machine.down');
    assert.equal(violation?.at, scene.events.all()[violation?.seq ?? 0]?.at);
  });

  it('reports a reboot of a node while another is out', async () => {
    const scene = new Scene().build();
    scene.leave('worker-1');
    const { vmid } = scene.node('worker-2');
    scene.emit({ type: 'machine.stage', vmid, node: 'worker-2', address: '127.108.1.2', stage: 'rebooting' });
    assert.match((await scene.verdict('I1')).violations[0]?.what ?? '', /worker-2 .*machine rebooting/);
  });

  it('reports a node taken out while another one is broken by itself', async () => {
    const scene = new Scene().build();
    scene.kubernetes.set('worker-3', { ready: false });
    scene.kubernetes.set('worker-1', { cordoned: true });
    assert.match((await scene.verdict('I1')).violations[0]?.what ?? '', /worker-1 .* while worker-3 \(not Ready\)/);
  });

  it('does not blame us for a second node that breaks by itself', async () => {
    const scene = new Scene().build();
    scene.leave('worker-1');
    scene.kubernetes.set('worker-3', { ready: false });
    assert.deepEqual(await scene.violated(), []);
  });

  it('does not take the lag of a watch for a second node: the API is asked before the verdict', async () => {
    const scene = new Scene().build();
    scene.kubernetes.set('worker-1', { cordoned: true });
    scene.kubernetes.set('worker-1', { cordoned: false }, false);
    scene.evacuate('worker-2');
    scene.stopVm('worker-2');
    assert.deepEqual(await scene.violated(), []);
  });

  it('does not blame us for a VM that is taken away by hand, only for what is done beside it', async () => {
    const scene = new Scene().build();
    scene.leave('worker-1');
    const { vmid, uuid, generation } = scene.node('worker-3');
    const worker = { vmid, name: 'worker-3', generation, by: 'hand' };
    scene.emit({ type: 'vm.stopped', ...worker });
    scene.emit({ type: 'vm.deleted', ...worker, host: 'odin', uuid, template: false });
    assert.deepEqual(await scene.violated(), []);
    scene.kubernetes.set('worker-2', { cordoned: true });
    assert.deepEqual(await scene.violated(), ['I1']);
  });
});

describe('safety monitor, I2: control planes first, etcd whole', () => {
  it('reports the worker that was replaced before a control plane of the same roll', async () => {
    const scene = new Scene().build();
    scene.replace('control-1');
    scene.replace('worker-1');
    const deleted = scene.events.all().findLast(({ type }) => type === 'vm.deleted');
    assert.deepEqual(await scene.violated(), []);
    scene.replace('control-2');
    const { violations } = await scene.verdict('I2');
    assert.equal(violations.length, 1);
    assert.equal(violations[0]?.seq, deleted?.seq);
    assert.match(violations[0]?.what ?? '', /worker-1 was replaced before control plane control-2 .*v1\.13\.0/);
  });

  it('reports a lost quorum with the number of live voters', async () => {
    const scene = new Scene().build();
    scene.emit({ type: 'etcd.quorum', has: false, live: 1, voters: 3 });
    const [violation] = (await scene.verdict('I2')).violations;
    assert.equal(violation?.seq, scene.seq);
    assert.match(violation?.what ?? '', /1 of 3 voters live/);
  });

  it('reports a VM stopped while a member is missing, a learner, or stopped, and names the member', async () => {
    for (const hurt of ['missing', 'learner', 'stopped'] as const) {
      const scene = new Scene().build();
      const { member = '' } = scene.node('control-1');
      if (hurt === 'stopped') {
        scene.emit({ type: 'etcd.member', change: 'stopped', id: member, node: 'control-1', voters: 3, learners: 0 });
      } else {
        scene.leaveEtcd('control-1');
      }
      if (hurt === 'learner') {
        scene.emit({ type: 'etcd.member', change: 'added', id: 'x', node: 'control-1', voters: 2, learners: 1 });
      }
      scene.stopVm('worker-3');
      const { violations } = await scene.verdict('I2');
      assert.equal(violations.length, 1, hurt);
      assert.match(violations[0]?.what ?? '', /worker-3 was asked to stop .* live voter on control-1/);
    }
  });
});

describe('safety monitor, I5: the planned VM', () => {
  it('reports another machine under the id of a node', async () => {
    const scene = new Scene().build();
    const { vmid, uuid, generation } = scene.node('worker-2');
    const worker = { vmid, name: 'worker-2', host: 'odin', uuid, generation };
    scene.emit({ type: 'vm.deleted', ...worker, template: false, by: 'hand' });
    const foreign = { vmid, name: 'mail', uuid: '11111111-1111-4111-8111-111111111111', generation: 99 };
    scene.emit({ type: 'vm.created', host: 'odin', template: false, ...foreign });
    assert.deepEqual(await scene.violated(), []);
    scene.emit({ type: 'vm.deleted', host: 'odin', template: false, ...foreign });
    const [violation] = (await scene.verdict('I5')).violations;
    assert.equal(violation?.seq, scene.seq);
    assert.match(violation?.what ?? '', /8005 'mail' was deleted: the id is planned for worker-2/);
  });

  it('reports a VM of no node, another UUID, and another incarnation', async () => {
    const scene = new Scene();
    scene.emit({
      type: 'vm.created',
      vmid: 100,
      name: 'mail',
      host: 'odin',
      uuid: 'u',
      template: false,
      generation: 77,
    });
    scene.build();
    scene.emit({ type: 'vm.stop-requested', vmid: 100, name: 'mail', generation: 77, how: 'stop' });
    const { vmid, uuid, generation } = scene.node('worker-3');
    const worker = { vmid, name: 'worker-3', host: 'odin', template: false };
    scene.emit({ type: 'vm.deleted', ...worker, uuid, generation: generation + 50 });
    scene.emit({ type: 'vm.deleted', ...worker, uuid: '11111111-1111-4111-8111-111111111111', generation });
    const whats = (await scene.verdict('I5')).violations.map(({ what }) => what);
    assert.equal(whats.length, 3);
    assert.match(whats[0] ?? '', /'mail' was asked to stop \(stop\): it is no node of the plan/);
    assert.match(whats[1] ?? '', /incarnation \d+ is current/);
    assert.match(whats[2] ?? '', /expected SMBIOS UUID .*8006, found 11111111/);
  });

  it('reports a VM that somebody made by hand, and that we delete', async () => {
    const scene = new Scene().build();
    const mail = { vmid: 101, name: 'mail', host: 'odin', uuid: 'u', generation: 600, template: false };
    scene.emit({ type: 'vm.created', ...mail, by: 'hand' });
    scene.emit({ type: 'vm.deleted', ...mail, by: 'root@pam!lab' });
    assert.deepEqual(await scene.violated(), ['I5']);
  });

  it('lets templates and half-made VMs that came after the arming go', async () => {
    const scene = new Scene().build();
    const made = { vmid: 9004, name: 'talos-v1.13.0', host: 'odin', uuid: 'u', generation: 500 };
    scene.emit({ type: 'vm.created', ...made, template: false });
    scene.emit({ type: 'vm.deleted', ...made, template: false });
    scene.leave('worker-1');
    scene.deleteVm('worker-1');
    scene.create('worker-1', { uuid: '22222222-2222-4222-8222-222222222222' });
    const { vmid, generation } = scene.node('worker-1');
    const half = { vmid, name: 'worker-1', host: 'odin', uuid: '22222222-2222-4222-8222-222222222222', generation };
    scene.emit({ type: 'vm.deleted', ...half, template: false });
    assert.deepEqual(await scene.violated(), []);
  });
});

describe('safety monitor, I6: the Talos secrets', () => {
  const identity = (node: string, fingerprint: string) => ({ type: 'talos.identity' as const, node, fingerprint });

  it('reports other secrets in a machine configuration, and where they came up', async () => {
    const scene = new Scene();
    scene.emit(identity('control-1', 'abc'));
    scene.emit(identity('worker-1', 'abc'));
    assert.deepEqual(await scene.violated(), []);
    scene.emit(identity('worker-2', 'def'));
    const [violation] = (await scene.verdict('I6')).violations;
    assert.equal(violation?.seq, 2);
    assert.match(violation?.what ?? '', /^worker-2 got/);
    assert.deepEqual(violation?.evidence, {
      expected: { fingerprint: 'abc', node: 'control-1', seq: 0 },
      found: 'def',
    });
  });

  it('allows one change after TALOS_DESTROY_SECRETS, and no second one', async () => {
    const scene = new Scene();
    scene.emit(identity('control-1', 'abc'));
    scene.monitor.allowSecretsChange();
    scene.emit(identity('control-1', 'def'));
    assert.deepEqual(await scene.violated(), []);
    scene.emit(identity('control-2', 'abc'));
    assert.deepEqual(await scene.violated(), ['I6']);
  });
});
