import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { FaultError } from '../../../lab/world/faults.js';
import { Lab } from './harness.js';
import { testBase } from '../../support/network';

describe('Proxmox: faults', () => {
  let lab: Lab;
  beforeEach(async () => (lab = await Lab.start()));
  afterEach(() => lab.close());

  const node = (name: string, extra = {}): number =>
    lab.cluster.byHand.create({
      name,
      host: 'odin',
      options: { scsi0: 'vms-ceph:8', net0: 'virtio,bridge=vmbr1' },
      ...extra,
    });

  it('clone-lock: the POST is refused as often as said, for that node only', async () => {
    const source = node('template', { options: { template: '1' } });
    lab.world.faults.set('clone-lock', 'k8s-work-1', 1);
    const clone = (name: string, newid: number) => lab.call('POST', `nodes/odin/qemu/${source}/clone`, { newid, name });
    const [refused, other] = [await clone('k8s-work-1', 201), await clone('k8s-work-2', 202)];
    assert.deepEqual([refused.status, other.status], [500, 200]);
    assert.equal(refused.reason, `can't lock file '/var/lock/qemu-server/lock-${source}.conf' - got timeout`);
    assert.equal((await clone('k8s-work-1', 201)).status, 200);
    const task = lab.cluster.site.tasks.list('odin')[0]!;
    await lab.ended(task.upid);
  });

  it('config-fails and start-fails: a clean clone, then an error', async () => {
    const vm = `nodes/odin/qemu/${node('k8s-work-1')}`;
    lab.world.faults.set('config-fails', 'k8s-work-1', 1);
    lab.world.faults.set('start-fails', 'k8s-work-1', 1);
    const config = await lab.call('PUT', `${vm}/config`, { cores: 8 });
    assert.equal(config.status, 500);
    assert.match(config.reason, /Input\/output error$/);
    assert.equal((await lab.ok('GET', `${vm}/config`)).cores, undefined);
    assert.equal(await lab.task('POST', `${vm}/status/start`), 'start failed: QEMU exited with code 1');
    assert.equal((await lab.ok('GET', `${vm}/status/current`)).status, 'stopped');
    assert.equal(await lab.task('POST', `${vm}/status/start`), 'OK');
  });

  it('proxmox-500: every call fails until the fault is used up, and changes nothing', async () => {
    lab.world.faults.set('proxmox-500', '', 2);
    const answer = await lab.call('POST', 'pools', { poolid: 'k8s' });
    assert.deepEqual([answer.status, answer.reason], [500, 'ipcc_send_rec[1] failed: Connection refused']);
    assert.equal((await lab.get('version')).status, 500);
    assert.deepEqual(await lab.ok('GET', 'pools'), []);
    assert.deepEqual(lab.story('api.write'), []);
  });

  it('proxmox-timeout: the request is taken and never answered, also not when the lab goes down', async () => {
    lab.world.faults.set('proxmox-timeout', '', 1);
    const hanging = lab.get('version');
    const cut = assert.rejects(hanging, { code: 'ECONNRESET' });
    assert.equal((await lab.get('version')).status, 200, 'the next one is answered while the first hangs');
    await lab.close();
    await cut;
    lab = await Lab.start();
  });

  it('host-offline: 595 below its name, its guests unknown, nothing at its own address', async () => {
    const vmid = node('k8s-work-1', { running: true });
    lab.cluster.byHand.create({ name: 'elsewhere', host: 'thor' });
    lab.world.faults.set('host-offline', 'odin');
    for (const path of [
      `nodes/odin/qemu/${vmid}/status/current`,
      'nodes/odin/qemu',
      'nodes/odin/tasks',
      'nodes/odin/status',
    ]) {
      const answer = await lab.get(path);
      assert.deepEqual([answer.status, answer.reason], [595, 'No route to host'], path);
    }
    const rows = (await lab.ok('GET', 'cluster/resources', { type: 'vm' })) as Record<string, unknown>[];
    const [gone, fine] = rows;
    assert.deepEqual(gone, { id: `qemu/${vmid}`, type: 'qemu', vmid, node: 'odin', status: 'unknown' });
    assert.equal(fine!.status, 'stopped');
    const nodes = (await lab.ok('GET', 'nodes')) as Record<string, unknown>[];
    assert.equal(nodes.find((row) => row.node === 'odin')!.status, 'offline');
    const status = (await lab.ok('GET', 'cluster/status')) as Record<string, unknown>[];
    assert.equal(status.find((row) => row.name === 'odin')!.online, 0);
    await assert.rejects(lab.call('GET', 'version', {}, { host: 'odin' }), { code: 'ECONNRESET' });
    assert.equal(lab.cluster.running(vmid), true, 'its guests run on');
    lab.world.faults.clear('host-offline');
    assert.equal((await lab.get(`nodes/odin/qemu/${vmid}/status/current`)).data.status, 'running');
  });

  it('vm-id-reused: a stranger stands under the id, running, told after the fault and by hand', async () => {
    const told: string[] = [];
    lab.world.faults.onChange(({ name }, change) => told.push(`${name} ${change}`));
    const vmid = node('k8s-work-1', { running: true });
    const before = lab.cluster.hardware(vmid)!;
    lab.world.events.subscribe(({ type }) => told.push(type));
    lab.world.faults.set('vm-id-reused', 'k8s-work-1');
    await Promise.resolve();
    const after = lab.cluster.hardware(vmid)!;
    assert.deepEqual(told, ['vm-id-reused set', 'vm.stopped', 'vm.deleted', 'vm.created', 'vm.started']);
    assert.notEqual(after.name, before.name);
    assert.notEqual(after.uuid, before.uuid);
    assert.notEqual(after.nics[0]!.mac, before.nics[0]!.mac);
    assert.notEqual(after.generation, before.generation);
    assert.deepEqual([after.host, lab.cluster.running(vmid)], ['odin', true]);
    const hands = lab.events.filter((event) => event.type.startsWith('vm.')).map((event) => 'by' in event && event.by);
    assert.ok(hands.every((by) => by === 'hand'));
    assert.deepEqual(lab.story('api.write', 'vm.stop-requested'), []);
  });

  it('vm-id-reused: an unknown node is refused and leaves no fault in force', () => {
    assert.throws(() => lab.world.faults.set('vm-id-reused', 'k8s-work-99'), FaultError);
    assert.deepEqual(lab.world.faults.list(), []);
  });

  it('hands make VMs with names no API takes, move them with their disks, and pull plugs', async () => {
    const vmid = lab.cluster.byHand.create({
      name: 'Bob’s box; rm -rf /',
      host: 'odin',
      options: { scsi0: 'local-lvm:8' },
      running: true,
    });
    const row = ((await lab.ok('GET', 'nodes/odin/qemu')) as Record<string, unknown>[])[0]!;
    assert.equal(row.name, 'Bob’s box; rm -rf /');
    const { content } = lab.cluster.hardware(vmid)!.disks[0]!;
    lab.cluster.byHand.move(vmid, 'thor');
    assert.equal(lab.cluster.hardware(vmid)!.host, 'thor');
    assert.equal(lab.cluster.hardware(vmid)!.disks[0]!.content, content);
    assert.equal((await lab.get(`nodes/odin/qemu/${vmid}/config`)).status, 500);
    lab.cluster.byHand.stop(vmid);
    assert.equal(lab.cluster.running(vmid), false);
    assert.deepEqual(lab.story('vm.stopped', 'vm.stop-requested', 'api.write'), ['vm.stopped Bob’s box; rm -rf /']);
  });

  it('a lab that goes down takes its running tasks along without a word', async () => {
    const slow = await Lab.start({ durations: { clone: 3_600_000 }, inventory: moved(lab) });
    const source = slow.cluster.byHand.create({ name: 'template', host: 'odin', options: { template: '1' } });
    await slow.ok('POST', `nodes/odin/qemu/${source}/clone`, { newid: 201 });
    await slow.close();
    await new Promise(setImmediate);
    assert.deepEqual(slow.story('proxmox.task', 'vm.deleted'), []);
    const socket = connect(8006, slow.world.inventory.hosts[0]!.address);
    await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' });
  });
});

/** The same hosts at other addresses, for a second lab beside the first. */
function moved(lab: Lab) {
  return {
    hosts: lab.world.inventory.hosts.map((host, index) => ({
      ...host,
      address: `127.${testBase(102)}.98.${index + 1}`,
    })),
  };
}
