import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { ProxmoxCluster, startProxmox } from '../../../lab/proxmox/index.js';
import { createAuthority } from '../../../lab/world/certificates.js';
import { Lab, TOKEN, USER } from './harness.js';
import { testAddress, testBase } from '../../support/network';

describe('Proxmox: the API', () => {
  let lab: Lab;
  before(async () => (lab = await Lab.start()));
  after(() => lab.close());

  const [id, secret] = TOKEN.split('=') as [string, string];

  for (const { who, token, reason } of [
    { who: 'no token', token: null, reason: 'No ticket' },
    { who: 'a token without its secret', token: id, reason: 'no tokenid specified' },
    { who: 'a wrong secret', token: `${id}=${secret.replace('1', '9')}`, reason: 'invalid token value!' },
    { who: 'an unknown token', token: `root@pam!x=${secret}`, reason: "no such token 'x' for user 'root@pam'" },
    { who: 'an unknown user', token: `me@pve!x=${secret}`, reason: "no such user ('me@pve')" },
  ]) {
    it(`refuses ${who} with 401 and says why`, async () => {
      const answer = await lab.call('GET', 'version', {}, { token });
      assert.deepEqual([answer.status, answer.reason], [401, reason]);
    });
  }

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`speaks ${version}`, async () => {
      const [host] = lab.world.inventory.hosts;
      const pinned = { minVersion: version, maxVersion: version, rejectUnauthorized: false };
      const socket = connect({ host: host!.address, port: 8006, ...pinned });
      await once(socket, 'secureConnect');
      assert.equal(socket.getProtocol(), version);
      socket.destroy();
    });
  }

  it('answers on every host’s address for all hosts', async () => {
    for (const { name } of lab.world.inventory.hosts) {
      const { data } = await lab.call('GET', 'cluster/status', {}, { host: name });
      const local = data.find((row: Record<string, unknown>) => row.local === 1);
      assert.equal(local.name, name);
      assert.equal((await lab.call('GET', 'nodes/odin/status', {}, { host: name })).status, 200);
    }
  });

  it('names each wrong parameter in errors and nothing else in the reason', async () => {
    const options = { vmid: 100, cores: 'two', onboot: 'maybe', name: 'not_dns', colour: 'red', tags: 'a;b c;!' };
    const answer = await lab.call('POST', 'nodes/baldar/qemu', options);
    assert.deepEqual([answer.status, answer.reason], [400, 'Parameter verification failed.']);
    assert.deepEqual(Object.keys(answer.body.errors!).sort(), ['colour', 'cores', 'name', 'onboot', 'tags']);
    assert.equal(answer.body.message, 'Parameter verification failed.\n');
    const clone = await lab.call('POST', 'nodes/baldar/qemu/100/clone', { nwid: 3 });
    assert.deepEqual(Object.keys(clone.body.errors!).sort(), ['newid', 'nwid']);
  });

  it('has no other calls and no other hosts', async () => {
    const missing = await lab.call('POST', 'nodes/baldar/reboot');
    assert.deepEqual([missing.status, missing.reason], [501, "Method 'POST /nodes/baldar/reboot' not implemented"]);
    const host = await lab.get('nodes/loki/status');
    assert.match(host.reason, /^hostname lookup 'loki' failed/);
    assert.equal((await lab.get('nodes/localhost/status')).status, 200);
  });

  it('lists what there is with the fields and types that clients need', async () => {
    const vmid = lab.cluster.byHand.create({ name: 'node', host: 'odin', options: { memory: '1024', cores: '2' } });
    lab.cluster.byHand.start(vmid);
    const all = (await lab.ok('GET', 'cluster/resources')) as Record<string, unknown>[];
    assert.deepEqual([...new Set(all.map(({ type }) => type))].sort(), ['node', 'qemu', 'storage']);
    const storage = all.find(({ id }) => id === 'storage/odin/vms-ceph')!;
    assert.deepEqual([storage.content, storage.shared, storage.status], ['images', 1, 'available']);
    for (const type of ['vm', 'storage', 'node']) {
      const rows = (await lab.ok('GET', 'cluster/resources', { type })) as Record<string, unknown>[];
      assert.ok(rows.length > 0 && rows.every((row) => row.type === (type === 'vm' ? 'qemu' : type)));
    }
    const [row] = (await lab.ok('GET', 'nodes/odin/qemu')) as Record<string, unknown>[];
    assert.deepEqual([row!.vmid, row!.name, row!.status, row!.template], [vmid, 'node', 'running', undefined]);
    const { memory } = (await lab.ok('GET', 'nodes/odin/status')) as { memory: Record<string, number> };
    const other = (await lab.ok('GET', 'nodes/baldar/status')) as { memory: Record<string, number> };
    assert.equal(memory.used! - other.memory.used!, 1024 * 2 ** 20);
    lab.cluster.byHand.remove(vmid);
  });

  it('gives the next free id, and refuses one that is taken', async () => {
    const vmid = lab.cluster.byHand.create({ name: 'a', host: 'odin', vmid: 100 });
    assert.equal(await lab.ok('GET', 'cluster/nextid'), '101');
    const taken = await lab.get('cluster/nextid', { vmid });
    assert.deepEqual(taken.body.errors, { vmid: 'VM 100 already exists' });
    lab.cluster.byHand.remove(vmid);
  });

  it('answers 400 for a task it doesn’t know, which the provider asks again for ever', async () => {
    const upid = 'UPID:baldar:00000001:00000001:00000001:qmstart:100:root@pam:';
    const unknown = await lab.get(`nodes/baldar/tasks/${upid}/status`);
    assert.deepEqual([unknown.status, unknown.body.errors], [400, { upid: 'no such task' }]);
    assert.equal((await lab.get('nodes/baldar/tasks/nonsense/status')).status, 400);
  });

  it('lists tasks, newest first, with who ran them', async () => {
    const vmid = lab.cluster.byHand.create({ name: 'node', host: 'thor' });
    await lab.task('POST', `nodes/thor/qemu/${vmid}/status/start`);
    await lab.task('POST', `nodes/thor/qemu/${vmid}/status/start`);
    const { data, body } = await lab.get('nodes/thor/tasks', { vmid, typefilter: 'qmstart', limit: 1 });
    assert.deepEqual(
      [data.length, body.total, data[0].status, data[0].user],
      [1, 2, `VM ${vmid} already running`, USER],
    );
    const failed = await lab.get('nodes/thor/tasks', { vmid, errors: 1 });
    assert.equal(failed.body.total, 1);
    const status = await lab.ok('GET', `nodes/thor/tasks/${data[0].upid.replace('!', '%21')}/status`);
    assert.deepEqual([status.status, status.user, status.tokenid], ['stopped', 'root@pam', 'prox-ops']);
    lab.cluster.byHand.remove(vmid);
  });

  it('keeps PCI mappings: those of the inventory, and others', async () => {
    const list = await lab.ok('GET', 'cluster/mapping/pci');
    assert.deepEqual(list.map((row: Record<string, unknown>) => row.id).sort(), ['heimdall-gpu', 'thor-gpu']);
    const map = ['id=10de:1b80,node=odin,path=0000:01:00.0', 'id=10de:1b80,node=thor,path=0000:02:00.0'];
    await lab.ok('POST', 'cluster/mapping/pci', { id: 'gpu0', description: 'two', map, mdev: 1 });
    const again = await lab.call('POST', 'cluster/mapping/pci', { id: 'gpu0', map });
    assert.match(again.reason, /pci ID 'gpu0' already defined/);
    await lab.ok('PUT', 'cluster/mapping/pci/gpu0', { map: map[0]!, delete: 'mdev' });
    const gpu = await lab.ok('GET', 'cluster/mapping/pci/gpu0');
    assert.deepEqual([gpu.map, gpu.description, gpu.type, gpu.mdev], [[map[0]], 'two', 'pci', undefined]);
    const checked = await lab.ok('GET', 'cluster/mapping/pci?check-node=odin');
    const checks = checked.map(({ id, checks: found }: Record<string, unknown>) => [id, found]);
    const warning = { severity: 'warning', message: 'No mapping for node odin.' };
    const error = { severity: 'error', message: "Invalid configuration: pci device '0000:01:00.0' not found\n" };
    assert.deepEqual(checks.sort(), [
      ['gpu0', [error]],
      ['heimdall-gpu', [warning]],
      ['thor-gpu', [warning]],
    ]);
    await lab.ok('DELETE', 'cluster/mapping/pci/gpu0');
    assert.equal((await lab.get('cluster/mapping/pci/gpu0')).reason, "mapping 'gpu0' not found");
  });

  it('keeps pools with their members', async () => {
    const vmid = lab.cluster.byHand.create({ name: 'node', host: 'thor' });
    await lab.ok('POST', 'pools', { poolid: 'k8s', comment: 'nodes' });
    await lab.ok('PUT', 'pools', { poolid: 'k8s', vms: vmid });
    const [pool] = await lab.ok('GET', 'pools', { poolid: 'k8s' });
    assert.deepEqual([pool.poolid, pool.members[0].id], ['k8s', `qemu/${vmid}`]);
    assert.match((await lab.call('DELETE', 'pools/k8s')).reason, /is not empty/);
    await lab.ok('PUT', 'pools/k8s', { vms: vmid, delete: 1 });
    await lab.ok('DELETE', 'pools/k8s');
    assert.match((await lab.get('pools', { poolid: 'k8s' })).reason, /does not exist/);
    lab.cluster.byHand.remove(vmid);
  });

  it('checks a configuration change before and while it is made', async () => {
    const vmid = lab.cluster.byHand.create({
      name: 'node',
      host: 'thor',
      options: { scsi0: 'vms-ceph:8', boot: 'order=scsi0;net0', net0: 'virtio,bridge=vmbr0' },
    });
    const url = `nodes/thor/qemu/${vmid}/config`;
    const put = async (params: Record<string, string | number>) => (await lab.call('PUT', url, params)).reason;
    const mac = ((await lab.ok('GET', url)) as { net0: string }).net0;
    assert.equal(await put({}), 'no options specified');
    assert.equal(await put({ boot: 'order=scsi9' }), "invalid bootorder: device 'scsi9' does not exist'");
    assert.match(await put({ memory: 512, balloon: 1024 }), /balloon value too large/);
    assert.match(await put({ name: 'x', digest: 'old' }), /checksum mismatch/);
    const unknown = await lab.call('PUT', url, { delete: 'colour' });
    assert.deepEqual(unknown.body.errors, { delete: "unknown option 'colour'" });
    await lab.ok('PUT', url, {
      description: 'two lines\nand no more\n\n',
      delete: 'net0',
      net5: 'virtio=BC:24:11:00:00:0A',
    });
    const config = await lab.ok('GET', url);
    assert.deepEqual([config.description, config.boot], ['two lines\nand no more', 'order=scsi0']);
    assert.equal(config.net5, 'virtio=BC:24:11:00:00:0A');
    assert.match(mac, /^virtio=BC:24:11/);
    const upid = (await lab.ok('POST', url, { cores: 3 })) as string;
    assert.match(upid, /:qmconfig:/);
    assert.equal(await lab.ended(upid), 'OK');
    await lab.ok('PUT', url, { protection: 1 });
    assert.equal(await put({ delete: 'scsi0' }), "can't remove drive 'scsi0' - protection mode enabled");
    lab.cluster.byHand.remove(vmid);
  });

  it('shows a running guest new addresses only once its cloud-init drive is rebuilt, and none without a drive', async () => {
    const options = { ipconfig0: `ip=127.${testBase(102)}.67.1/23` };
    const vmid = lab.cluster.byHand.create({ name: 'node', host: 'thor', options });
    assert.deepEqual(lab.cluster.hardware(vmid)!.ipConfigs, []);
    const vm = `nodes/thor/qemu/${vmid}`;
    await lab.ok('PUT', `${vm}/config`, { ide2: 'vms-ceph:cloudinit,media=cdrom' });
    lab.cluster.byHand.start(vmid);
    const address = () => lab.cluster.hardware(vmid)!.ipConfigs[0]!.address;
    await lab.ok('PUT', `${vm}/config`, { ipconfig0: `ip=127.${testBase(102)}.67.2/23` });
    assert.equal(address(), `127.${testBase(102)}.67.1/23`);
    await lab.ok('PUT', `${vm}/cloudinit`);
    assert.equal(address(), `127.${testBase(102)}.67.2/23`);
    lab.cluster.byHand.remove(vmid);
  });

  it('names the address when a port is taken, and leaves nothing listening', async () => {
    const cluster = new ProxmoxCluster(lab.world, { resolveImage: () => undefined });
    const [first, ...rest] = lab.world.inventory.hosts;
    const hosts = [{ ...first!, address: testAddress(102, '99.1') }, ...rest];
    const world = { ...lab.world, inventory: { ...lab.world.inventory, hosts } };
    const tls = await createAuthority({ commonName: 'x', algorithm: 'ecdsa' });
    const start = startProxmox(world, { cluster, tls, tokens: [TOKEN] });
    await assert.rejects(
      start,
      new RegExp(
        String.raw`Proxmox API of heimdall: expected 127\.${testBase(102)}\.66\.11:8006 to be free, found EADDRINUSE`,
      ),
    );
    const socket = connect({ host: testAddress(102, '99.1'), port: 8006 });
    await assert.rejects(once(socket, 'secureConnect'), { code: 'ECONNREFUSED' });
  });

  it('takes only tokens of the right form, and never repeats one', async () => {
    const cluster = new ProxmoxCluster(lab.world, { resolveImage: () => undefined });
    const options = { cluster, tls: { crt: '', key: '' }, tokens: ['root@pam:hunter2'] };
    await assert.rejects(startProxmox(lab.world, options), (error: Error) => {
      return error.message.includes('USER@REALM!ID=UUID') && !error.message.includes('hunter2');
    });
  });
});
