import assert from 'node:assert/strict';
import { IMAGE_BYTES, Lab, USER, imageUrl } from './harness.js';
import { testAddress, testBase } from '../../support/network';

/** Calls in the order and form in which the real provider plugin sends them. */
describe('Proxmox: the provider plugin’s calls', () => {
  let lab: Lab;
  before(async () => (lab = await Lab.start()));
  after(() => lab.close());

  const GIB = 2 ** 30;
  const uuid = '5f0a8c1e-1111-4222-8333-444455556666';

  it('download an image to a host’s own storage', async () => {
    const url = imageUrl('v1.11.3');
    const meta = await lab.ok('GET', 'nodes/baldar/query-url-metadata', { url, 'verify-certificates': 1 });
    assert.deepEqual(
      { filename: meta.filename, size: meta.size },
      { filename: 'nocloud-amd64.raw', size: IMAGE_BYTES },
    );
    const input = { content: 'import', filename: 'talos-v1.11.3.raw', url, 'verify-certificates': 1 };
    assert.equal(await lab.task('POST', 'nodes/baldar/storage/local/download-url', input), 'OK');
    const [row, ...more] = await lab.ok('GET', 'nodes/baldar/storage/local/content', { content: 'import' });
    assert.equal(row.volid, 'local:import/talos-v1.11.3.raw');
    assert.deepEqual([row.size, row.content, row.format, more.length], [IMAGE_BYTES, 'import', 'raw', 0]);
    assert.deepEqual(await lab.ok('GET', 'nodes/odin/storage/local/content'), [], 'a local storage is one host’s');
    assert.match(
      await lab.task('POST', 'nodes/baldar/storage/local/download-url', input),
      /refusing to override existing file/,
    );
  });

  it('make a template from it', async () => {
    const disk =
      'file=vms-ceph:0,import-from=local:import/talos-v1.11.3.raw,size=10737418240,aio=io_uring,backup=1,iothread=0,' +
      'ssd=0,discard=ignore,cache=none,replicate=1';
    const body = {
      acpi: 1,
      agent: 'enabled=0,fstrim_cloned_disks=0,type=virtio',
      balloon: 0,
      bios: 'seabios',
      boot: 'order=scsi0',
      cores: 2,
      cpu: 'cputype=host',
      ide3: 'file=none,media=cdrom',
      keyboard: 'en-us',
      memory: 2048,
      name: 'talos-a-baldar',
      net0: 'model=virtio,bridge=vmbr1,firewall=0',
      numa: 0,
      onboot: 0,
      ostype: 'l26',
      protection: 0,
      scsi0: disk,
      scsihw: 'virtio-scsi-pci',
      serial0: 'socket',
      sockets: 1,
      tablet: 1,
      tags: 'template;talos',
      template: 0,
      vmid: 9000,
    };
    assert.equal(await lab.task('POST', 'nodes/baldar/qemu', body), 'OK');
    const size = String(10 * GIB);
    assert.equal(await lab.task('PUT', 'nodes/baldar/qemu/9000/resize', { disk: 'scsi0', size }), 'OK');
    assert.equal(await lab.task('POST', 'nodes/baldar/qemu/9000/template'), 'OK');

    const config = await lab.ok('GET', 'nodes/baldar/qemu/9000/config');
    for (const [key, value] of Object.entries({
      onboot: 0,
      numa: 0,
      template: 1,
      cores: 2,
      sockets: 1,
      protection: 0,
    })) {
      assert.strictEqual(config[key], value, `${key} is a number`);
    }
    for (const key of ['agent', 'boot', 'cpu', 'serial0', 'ostype', 'bios'] as const)
      assert.equal(config[key], body[key]);
    assert.equal(config.ide3, 'none,media=cdrom');
    assert.equal(config.tags, 'talos;template');
    assert.match(config.net0, /^virtio=BC:24:11(:[0-9A-F]{2}){3},bridge=vmbr1,firewall=0$/);
    assert.match(config.scsi0, /^vms-ceph:base-9000-disk-0,aio=io_uring,backup=1,cache=none,.*size=10G,ssd=0$/);
    assert.doesNotMatch(config.scsi0, /import-from/);

    const volume = await lab.ok('GET', 'nodes/baldar/storage/vms-ceph/content/vms-ceph%3Abase-9000-disk-0');
    assert.deepEqual([volume.format, volume.size], ['raw', 10 * GIB]);
    const resources = await lab.ok('GET', 'cluster/resources', { type: 'vm' });
    assert.deepEqual(
      resources.map(({ id, type, vmid, node, template }: Record<string, unknown>) => [id, type, vmid, node, template]),
      [['qemu/9000', 'qemu', 9000, 'baldar', 1]],
    );
  });

  it('clone it, configure the clone, and start it', async () => {
    await clone();
    const config = await lab.ok('GET', 'nodes/baldar/qemu/8001/config');
    assert.equal(config.template, undefined);
    assert.equal(config.scsi0.split(',')[0], 'vms-ceph:vm-8001-disk-0');
    assert.match(config.scsi0, /size=100G/);
    assert.equal(config.scsi1, 'local-lvm:vm-8001-disk-0,aio=io_uring,size=200G');
    assert.equal(config.ide2, 'vms-ceph:vm-8001-cloudinit,media=cdrom');
    assert.equal(config.smbios1, `base64=1,serial=ZHM9bm9jbG91ZA==,uuid=${uuid}`);
    assert.equal(config.net0, 'virtio=BC:24:11:00:80:01,bridge=vmbr1,firewall=0,mtu=9000');
    assert.equal(config.net1, 'virtio=BC:24:11:62:80:01,bridge=vmbr0,tag=62');

    const hardware = lab.cluster.hardware(8001)!;
    assert.deepEqual(
      { ...hardware, disks: hardware.disks.map(({ slot, volid, bytes }) => [slot, volid, bytes]) },
      {
        vmid: 8001,
        generation: 2,
        name: 'k8s-ctrl-1',
        host: 'baldar',
        uuid,
        nics: [
          { slot: 'net0', mac: 'BC:24:11:00:80:01', bridge: 'vmbr1' },
          { slot: 'net1', mac: 'BC:24:11:62:80:01', bridge: 'vmbr0', tag: 62 },
        ],
        ipConfigs: [
          { address: `127.${testBase(102)}.67.1/23`, gateway: testAddress(102, '66.1') },
          { address: `127.${testBase(102)}.62.1/23` },
        ],
        disks: [
          ['scsi0', 'vms-ceph:vm-8001-disk-0', 100 * GIB],
          ['scsi1', 'local-lvm:vm-8001-disk-0', 200 * GIB],
        ],
        memory: 16384 * 2 ** 20,
        cores: 4,
        pci: [],
      },
    );
    assert.deepEqual(hardware.disks[0]!.content.image, { schematic: 'abc123', version: 'v1.11.3' });
    assert.equal(lab.cluster.running(8001), true);
    const status = await lab.ok('GET', 'nodes/baldar/qemu/8001/status/current');
    assert.equal(status.status, 'running');
    for (const key of ['vmid', 'cpus', 'uptime', 'pid', 'maxmem', 'maxdisk'])
      assert.equal(typeof status[key], 'number');
  });

  it('give each clone disk contents of its own, the same object on every read', async () => {
    const first = lab.cluster.hardware(8001)!.disks[0]!.content;
    first.state.installed = 'here';
    assert.equal(lab.cluster.hardware(8001)!.disks[0]!.content, first);
    assert.deepEqual(lab.cluster.hardware(9000)!.disks[0]!.content.state, {});
    await lab.task('POST', 'nodes/baldar/qemu/8001/clone', { newid: 8999, full: 1, name: 'copy' });
    const copy = lab.cluster.hardware(8999)!.disks[0]!.content;
    assert.deepEqual(copy.state, { installed: 'here' });
    copy.state.installed = 'elsewhere';
    assert.equal(first.state.installed, 'here');
    await lab.task('DELETE', 'nodes/baldar/qemu/8999/');
  });

  it('update it: what is pending reaches the guest with the next start, the rest at once', async () => {
    const change = { name: 'k8s-ctrl-1', memory: 32768, tags: 'b; a', delete: 'net1,serial2' };
    await lab.ok('PUT', 'nodes/baldar/qemu/8001/config', change);
    const config = await lab.ok('GET', 'nodes/baldar/qemu/8001/config');
    assert.deepEqual([config.memory, config.tags, config.net1], ['32768', 'a;b', undefined]);
    assert.equal(lab.cluster.hardware(8001)!.memory, 16384 * 2 ** 20);
    assert.equal(lab.cluster.hardware(8001)!.nics.length, 1);
    assert.equal((await lab.ok('GET', 'nodes/baldar/qemu/8001/config', { current: 1 })).memory, '16384');
    const pending = await lab.ok('GET', 'nodes/baldar/qemu/8001/pending');
    assert.deepEqual(
      pending.filter((row: Record<string, unknown>) => row.pending !== undefined),
      [{ key: 'memory', value: '16384', pending: '32768' }],
    );
    assert.equal(await lab.task('POST', 'nodes/baldar/qemu/8001/status/stop'), 'OK');
    assert.equal(await lab.task('POST', 'nodes/baldar/qemu/8001/status/start', { timeout: 1800 }), 'OK');
    assert.equal(lab.cluster.hardware(8001)!.memory, 32768 * 2 ** 20);
  });

  it('re-send all disks without their size, which the server keeps', async () => {
    const volid = 'vms-ceph:vm-8001-disk-0';
    await lab.ok('PUT', 'nodes/baldar/qemu/8001/config', { scsi0: `file=${volid},aio=io_uring,iothread=0` });
    const config = await lab.ok('GET', 'nodes/baldar/qemu/8001/config');
    assert.equal(config.scsi0, `${volid},aio=io_uring,iothread=0,size=100G`);
  });

  it('delete it: shut down, then DELETE with the slash before the query', async () => {
    await remove();
    const gone = await lab.get('nodes/baldar/qemu/8001/status/current');
    assert.equal(gone.status, 500);
    assert.equal(gone.reason, "Configuration file 'nodes/baldar/qemu-server/8001.conf' does not exist");
    for (const storage of ['vms-ceph', 'local-lvm']) {
      assert.deepEqual(await lab.ok('GET', `nodes/baldar/storage/${storage}/content`, { vmid: 8001 }), []);
    }
    assert.equal(lab.cluster.hardware(8001), undefined);
  });

  it('replace it under the same id: another incarnation, an empty disk', async () => {
    await clone();
    const hardware = lab.cluster.hardware(8001)!;
    assert.equal(hardware.generation, 4);
    assert.deepEqual(hardware.disks[0]!.content.state, {});
    await remove();
  });

  it('tell the world in order, with the caller', () => {
    const told = lab.events.filter((event) => 'vmid' in event && event.vmid === 8001 && event.type.startsWith('vm.'));
    const life = ['vm.created', 'vm.started', 'vm.stop-requested', 'vm.stopped', 'vm.started'];
    const end = ['vm.stop-requested', 'vm.stopped', 'vm.deleted'];
    assert.deepEqual(
      told.map(({ type }) => type),
      [...life, ...end, 'vm.created', 'vm.started', ...end],
    );
    assert.ok(told.every((event) => 'by' in event && event.by === USER));
    const deleted = told.find(({ type }) => type === 'vm.deleted')!;
    assert.equal('uuid' in deleted && deleted.uuid, uuid);
    const writes = lab.events.flatMap((event) =>
      event.type === 'api.write' ? [`${event.method} ${event.path} ${event.subject}`] : [],
    );
    assert.ok(writes.includes('POST /nodes/baldar/qemu/9000/clone k8s-ctrl-1'));
    assert.ok(writes.includes('DELETE /nodes/baldar/qemu/8001 k8s-ctrl-1'));
    assert.ok(!JSON.stringify(lab.events).includes('11111111-2222'), 'no secret of a token in an event');
  });

  async function clone(): Promise<void> {
    const order = { newid: 8001, full: 1, name: 'k8s-ctrl-1', description: 'lab', storage: 'vms-ceph' };
    const upid = (await lab.ok('POST', 'nodes/baldar/qemu/9000/clone', order)) as string;
    assert.match(upid, /^UPID:baldar(:[0-9A-F]{8}){3}:qmclone:9000:root@pam!prox-ops:$/);
    const during = await lab.ok('GET', 'nodes/baldar/qemu/8001/status/current');
    assert.deepEqual([during.lock, during.name], ['clone', 'VM 8001']);
    const locked = await lab.call('PUT', 'nodes/baldar/qemu/8001/config', { name: 'early' });
    assert.deepEqual([locked.status, locked.reason], [500, 'VM is locked (clone)']);
    assert.equal(await lab.ended(upid), 'OK');
    const vm = 'nodes/baldar/qemu/8001';
    await lab.ok('PUT', `${vm}/config`, {
      cores: 4,
      memory: 16384,
      net0: 'model=virtio,bridge=vmbr1,firewall=0,macaddr=BC:24:11:00:80:01,mtu=9000',
      net1: 'model=virtio,bridge=vmbr0,macaddr=BC:24:11:62:80:01,tag=62',
      ide2: 'file=vms-ceph:cloudinit,media=cdrom',
      ipconfig0: `gw=127.${testBase(102)}.66.1,ip=127.${testBase(102)}.67.1/23`,
      ipconfig1: `ip=127.${testBase(102)}.62.1/23`,
      smbios1: `base64=1,serial=ZHM9bm9jbG91ZA==,uuid=${uuid}`,
      delete: [...Array.from({ length: 29 }, (_x, index) => `net${index + 3}`), 'serial1', 'serial2'].join(','),
    });
    await lab.ok('PUT', `${vm}/config`, { scsi1: 'file=local-lvm:200,size=214748364800,aio=io_uring' });
    assert.equal(await lab.task('PUT', `${vm}/resize`, { disk: 'scsi0', size: String(100 * GIB) }), 'OK');
    assert.equal(await lab.task('POST', `${vm}/status/start`, { timeout: 1800 }), 'OK');
  }

  async function remove(): Promise<void> {
    const vm = 'nodes/baldar/qemu/8001';
    assert.equal(await lab.task('POST', `${vm}/status/shutdown`, { forceStop: 1, timeout: 1800 }), 'OK');
    assert.equal((await lab.ok('GET', `${vm}/status/current`)).status, 'stopped');
    assert.equal(await lab.task('DELETE', `${vm}/?destroy-unreferenced-disks=1&purge=1`), 'OK');
  }
});
