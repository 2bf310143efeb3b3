import assert from 'node:assert/strict';
import { Lab, imageUrl } from './harness.js';

const OVMF_WARNING = /WARN: no efidisk configured/;

describe('Proxmox: what goes wrong', () => {
  let lab: Lab;
  // A minute of the world takes 30 ms: lock files and guests have seconds of patience.
  before(async () => (lab = await Lab.start({ speed: 2000, durations: { clone: 60_000, destroy: 0, shutdown: 0 } })));
  after(() => lab.close());
  afterEach(() => {
    lab.world.faults.clear();
    const { vms, volumes, hosts } = lab.cluster.site;
    for (const { vmid } of vms.all()) lab.cluster.byHand.remove(vmid);
    for (const { name } of hosts.all()) {
      for (const storage of volumes.on(name))
        volumes.list(storage.name, name).forEach((orphan) => volumes.free(orphan));
    }
  });

  const refusal = async (method: string, path: string, params = {}): Promise<[number, string]> => {
    const { status, reason } = await lab.call(method, path, params);
    return [status, reason];
  };
  const make = (name: string, options: Record<string, string> = {}, extra = {}): number =>
    lab.cluster.byHand.create({ name, host: 'baldar', options: { scsi0: 'vms-ceph:8', ...options }, ...extra });
  const volids = async (host: string, storage: string): Promise<string[]> => {
    const rows = (await lab.ok('GET', `nodes/${host}/storage/${storage}/content`)) as { volid: string }[];
    return rows.map(({ volid }) => volid);
  };

  describe('clone', () => {
    it('of a template on local storage twice at once: the second can’t lock its file', async () => {
      const source = make('template', { scsi0: 'local-lvm:8', template: '1' });
      const first = (await lab.ok('POST', `nodes/baldar/qemu/${source}/clone`, { newid: 201, full: 1 })) as string;
      const [status, reason] = await refusal('POST', `nodes/baldar/qemu/${source}/clone`, { newid: 202, full: 1 });
      assert.equal(status, 500);
      assert.equal(reason, `can't lock file '/var/lock/qemu-server/lock-${source}.conf' - got timeout`);
      assert.equal(await lab.ended(first), 'OK');
      assert.equal(await lab.task('POST', `nodes/baldar/qemu/${source}/clone`, { newid: 202, full: 1 }), 'OK');
    });

    it('of a template on shared storage goes side by side', async () => {
      const source = make('template', { template: '1' });
      const clone = (newid: number): Promise<string> =>
        lab.task('POST', `nodes/baldar/qemu/${source}/clone`, { newid, full: 1 });
      assert.deepEqual(await Promise.all([clone(201), clone(202)]), ['OK', 'OK']);
    });

    it('to an id that is taken, on whatever host, is refused', async () => {
      const source = make('template', { template: '1' });
      make('other', {}, { vmid: 300, host: 'odin' });
      assert.deepEqual(await refusal('POST', `nodes/baldar/qemu/${source}/clone`, { newid: 300 }), [
        500,
        'unable to create VM 300: config file already exists',
      ]);
      assert.deepEqual(await refusal('POST', 'nodes/baldar/qemu', { vmid: 300 }), [
        500,
        "unable to create VM 300 - VM 300 already exists on node 'odin'",
      ]);
    });

    it('to another host needs shared storage on both ends', async () => {
      const local = make('local', { scsi0: 'local-lvm:8', template: '1' });
      const shared = make('shared', { template: '1' });
      const order = { newid: 201, full: 1, target: 'odin' };
      assert.deepEqual(await refusal('POST', `nodes/baldar/qemu/${local}/clone`, order), [
        500,
        "can't clone VM to node 'odin' (VM uses local storage)",
      ]);
      assert.deepEqual(await refusal('POST', `nodes/baldar/qemu/${shared}/clone`, { ...order, storage: 'local-lvm' }), [
        500,
        "can't clone to non-shared storage 'local-lvm'",
      ]);
      assert.equal(await lab.task('POST', `nodes/baldar/qemu/${shared}/clone`, order), 'OK');
      assert.equal((await lab.ok('GET', 'nodes/odin/qemu/201/config')).name, 'Copy-of-VM-shared');
      const [, elsewhere] = await refusal('POST', `nodes/odin/qemu/${shared}/clone`, { newid: 202 });
      assert.match(elsewhere, /Configuration file 'nodes\/odin\/qemu-server\/\d+\.conf' does not exist/);
    });

    it('whose task fails after its POST succeeded leaves neither VM nor image', async () => {
      const source = make('template', { template: '1' });
      lab.world.faults.set('clone-task-fails', 'k8s-work-1', 1);
      const order = { newid: 201, full: 1, name: 'k8s-work-1' };
      assert.match(await lab.task('POST', `nodes/baldar/qemu/${source}/clone`, order), /^clone failed: copy failed/);
      assert.equal(lab.cluster.hardware(201), undefined);
      assert.deepEqual(await volids('baldar', 'vms-ceph'), [`vms-ceph:base-${source}-disk-0`]);
      assert.equal(await lab.task('POST', `nodes/baldar/qemu/${source}/clone`, order), 'OK');
    });

    it('linked to its template keeps that from being removed', async () => {
      const source = make('template', { template: '1' });
      assert.equal(await lab.task('POST', `nodes/baldar/qemu/${source}/clone`, { newid: 201 }), 'OK');
      assert.deepEqual(await volids('baldar', 'vms-ceph'), [
        `vms-ceph:base-${source}-disk-0`,
        `vms-ceph:base-${source}-disk-0/vm-201-disk-0`,
      ]);
      const exit = await lab.task('DELETE', `nodes/baldar/qemu/${source}`);
      assert.equal(exit, `base volume 'vms-ceph:base-${source}-disk-0' is still in use by linked cloned`);
      assert.equal(await lab.task('DELETE', 'nodes/baldar/qemu/201'), 'OK');
      assert.equal(await lab.task('DELETE', `nodes/baldar/qemu/${source}`), 'OK');
    });
  });

  describe('power', () => {
    it('a protected VM is powered off by its caller and then not removed', async () => {
      const vm = `nodes/baldar/qemu/${make('node', { protection: '1' }, { vmid: 101, running: true })}`;
      assert.equal(await lab.task('POST', `${vm}/status/stop`), 'OK');
      const refused = [500, "can't remove VM 101 - protection mode enabled"];
      assert.deepEqual(await refusal('DELETE', `${vm}/`, { purge: 1 }), refused);
      assert.equal((await lab.ok('GET', `${vm}/status/current`)).status, 'stopped');
    });

    it('a running VM isn’t removed, a template not started, a running VM not started again', async () => {
      const running = make('node', {}, { running: true });
      const template = make('template', { template: '1' });
      const refused = [500, `VM ${running} is running - destroy failed`];
      assert.deepEqual(await refusal('DELETE', `nodes/baldar/qemu/${running}`), refused);
      const start = (vmid: number): Promise<string> => lab.task('POST', `nodes/baldar/qemu/${vmid}/status/start`);
      assert.equal(await start(template), "you can't start a vm if it's a template");
      assert.equal(await start(running), `VM ${running} already running`);
    });

    it('a PCI device is one running VM’s at a time, and its host’s only', async () => {
      const gpu = { hostpci0: 'mapping=thor-gpu,pcie=1,rombar=0' };
      const first = make('gpu-1', gpu, { host: 'thor', running: true });
      const second = make('gpu-2', gpu, { host: 'thor' });
      const elsewhere = make('gpu-3', gpu);
      const start = `nodes/thor/qemu/${second}/status/start`;
      assert.equal(await lab.task('POST', start), `PCI device '0000:0a:00.0' already in use by VMID '${first}'`);
      lab.cluster.byHand.stop(first);
      assert.equal(await lab.task('POST', start), 'OK');
      const refused = "PCI device mapping not found for 'thor-gpu'";
      assert.equal(await lab.task('POST', `nodes/baldar/qemu/${elsewhere}/status/start`), refused);
      assert.deepEqual(lab.cluster.hardware(second)!.pci, ['thor-gpu']);
    });

    it('a VM whose bridge or disk its host doesn’t have fails to start', async () => {
      const bridge = make('bridge', { net0: 'virtio,bridge=vmbr7' });
      const disk = make('disk');
      lab.cluster.byHand.edit(disk, { scsi0: 'vms-ceph:vm-999-disk-0,size=8G' });
      const start = (vmid: number): Promise<string> => lab.task('POST', `nodes/baldar/qemu/${vmid}/status/start`);
      assert.equal(await start(bridge), "bridge 'vmbr7' does not exist");
      assert.match(await start(disk), /rbd: error opening image vm-999-disk-0: \(2\) No such file or directory/);
    });

    it('a UEFI VM without EFI disk starts with a warning', async () => {
      const vmid = make('uefi', { bios: 'ovmf' });
      const upid = (await lab.ok('POST', `nodes/baldar/qemu/${vmid}/status/start`)) as string;
      assert.equal(await lab.ended(upid), 'WARNINGS: 1');
      const log = await lab.get(`nodes/baldar/tasks/${upid.replace('!', '%21')}/log`);
      assert.match(log.data[0].t, OVMF_WARNING);
      assert.deepEqual([log.data[0].n, log.body.total], [1, 2]);
    });

    it('a guest that doesn’t react makes a shutdown fail, or is cut off when the caller insists', async () => {
      lab.cluster.onShutdown(() => new Promise(() => {}));
      const vm = `nodes/baldar/qemu/${make('deaf', {}, { running: true })}/status`;
      assert.equal(await lab.task('POST', `${vm}/shutdown`, { timeout: 2 }), 'VM quit/powerdown failed - got timeout');
      assert.equal((await lab.ok('GET', `${vm}/current`)).status, 'running');
      assert.equal(await lab.task('POST', `${vm}/shutdown`, { timeout: 2, forceStop: 1 }), 'OK');
      assert.equal((await lab.ok('GET', `${vm}/current`)).status, 'stopped');
      const asked = lab.story('vm.stop-requested', 'vm.stopped').slice(-3);
      assert.deepEqual(asked, ['vm.stop-requested deaf shutdown', 'vm.stop-requested deaf stop', 'vm.stopped deaf']);
    });

    it('a stop waits for a running shutdown’s lock in vain, unless it overrules it', async () => {
      lab.cluster.onShutdown(() => new Promise(() => {}));
      const vmid = make('deaf', {}, { running: true });
      const vm = `nodes/baldar/qemu/${vmid}/status`;
      const shutdown = (await lab.ok('POST', `${vm}/shutdown`, { timeout: 100_000 })) as string;
      const late = `can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`;
      assert.equal(await lab.task('POST', `${vm}/stop`), late);
      assert.equal(await lab.task('POST', `${vm}/stop`, { 'overrule-shutdown': 1 }), 'OK');
      assert.equal(await lab.ended(shutdown), 'received interrupt');
      assert.equal(lab.cluster.running(vmid), false);
    });

    it('a guest that powers itself off ends the shutdown early, once', async () => {
      lab.cluster.onShutdown((vmid) => {
        lab.cluster.guestPowerOff(vmid);
        return new Promise(() => {});
      });
      const vmid = make('eager', {}, { running: true });
      const before = lab.events.length;
      assert.equal(await lab.task('POST', `nodes/baldar/qemu/${vmid}/status/shutdown`), 'OK');
      const stops = lab.events.slice(before).filter(({ type }) => type === 'vm.stopped');
      assert.deepEqual(
        stops.map((event) => 'by' in event && event.by),
        ['guest'],
      );
    });

    it('a reset keeps the VM running, a reboot starts it again with what was pending', async () => {
      lab.cluster.onShutdown(() => Promise.resolve());
      const vmid = make('node', { memory: '2048' }, { running: true });
      const vm = `nodes/baldar/qemu/${vmid}`;
      assert.equal(await lab.task('POST', `${vm}/status/reset`), 'OK');
      assert.equal(lab.cluster.running(vmid), true);
      await lab.ok('PUT', `${vm}/config`, { memory: 4096 });
      const started = new Promise((resolve) => lab.world.events.on('vm.started', resolve));
      assert.equal(await lab.task('POST', `${vm}/status/reboot`), 'OK');
      await started;
      assert.equal(lab.cluster.hardware(vmid)!.memory, 4096 * 2 ** 20);
      lab.cluster.byHand.stop(vmid);
      assert.deepEqual(await refusal('POST', `${vm}/status/reboot`), [500, `VM ${vmid} not running`]);
    });

    it('a guest agent that isn’t configured, or is silent, says so', async () => {
      const plain = make('plain', {}, { running: true });
      const agent = make('agent', { agent: 'enabled=1' }, { running: true });
      const ask = (vmid: number): Promise<[number, string]> =>
        refusal('GET', `nodes/baldar/qemu/${vmid}/agent/network-get-interfaces`);
      assert.deepEqual(await ask(plain), [500, 'No QEMU guest agent configured']);
      assert.deepEqual(await ask(agent), [500, 'QEMU guest agent is not running']);
      lab.cluster.onAgentPing(() => true);
      assert.equal((await ask(agent))[0], 200);
    });
  });

  describe('disks', () => {
    it('orphans stay when a VM is removed without its unreferenced disks, and are counted over', async () => {
      const vmid = make('node', { scsi1: 'vms-ceph:8' }, { vmid: 101 });
      lab.cluster.byHand.edit(vmid, { scsi0: undefined });
      assert.equal(await lab.task('DELETE', 'nodes/baldar/qemu/101'), 'OK');
      assert.deepEqual(await volids('odin', 'vms-ceph'), ['vms-ceph:vm-101-disk-0']);
      make('again', {}, { vmid: 101 });
      assert.equal(lab.cluster.hardware(101)!.disks[0]!.volid, 'vms-ceph:vm-101-disk-1');
      assert.equal(await lab.task('DELETE', 'nodes/baldar/qemu/101', { 'destroy-unreferenced-disks': 1 }), 'OK');
      assert.deepEqual(await volids('odin', 'vms-ceph'), []);
    });

    it('an orphaned cloud-init image keeps a new one from being made', async () => {
      make('node', { ide2: 'vms-ceph:cloudinit' }, { vmid: 101 });
      lab.cluster.byHand.remove(101, { keepDisks: true });
      make('again', { scsi0: 'vms-ceph:8' }, { vmid: 101 });
      const [status, reason] = await refusal('PUT', 'nodes/baldar/qemu/101/config', { ide2: 'vms-ceph:cloudinit' });
      assert.deepEqual(
        [status, reason],
        [500, "rbd create 'vm-101-cloudinit' error: rbd: create error: (17) File exists"],
      );
      const orphan = 'nodes/odin/storage/vms-ceph/content/vms-ceph:vm-101-cloudinit';
      assert.equal(await lab.task('DELETE', orphan), 'OK');
      assert.match(await lab.task('DELETE', orphan), /No such file or directory/);
    });

    it('an image that a running VM has open isn’t removed', async () => {
      const shared = make('shared', {}, { running: true });
      const local = make('local', { scsi0: 'local-lvm:8' }, { running: true });
      const remove = (storage: string, vmid: number): Promise<string> =>
        lab.task('DELETE', `nodes/baldar/storage/${storage}/content/${storage}:vm-${vmid}-disk-0`);
      assert.match(await remove('vms-ceph', shared), /image still has watchers$/);
      assert.match(await remove('local-lvm', local), /in use\.$/);
      assert.equal(lab.cluster.hardware(shared)!.disks.length, 1);
    });

    it('a VM that is taken away while it is cloned leaves no image and no event', async () => {
      const source = make('template', { template: '1' });
      const upid = (await lab.ok('POST', `nodes/baldar/qemu/${source}/clone`, { newid: 201, full: 1 })) as string;
      const before = lab.story('vm.created', 'vm.deleted').length;
      lab.cluster.byHand.remove(201);
      assert.match(await lab.ended(upid), /^clone failed: Configuration file .*201\.conf' does not exist$/);
      assert.deepEqual(await volids('baldar', 'vms-ceph'), [`vms-ceph:base-${source}-disk-0`]);
      assert.equal(lab.story('vm.created', 'vm.deleted').length, before);
    });

    it('a disk never shrinks; a disk that isn’t there isn’t grown', async () => {
      const vm = `nodes/baldar/qemu/${make('node')}`;
      const resize = (disk: string, size: string): Promise<string> => lab.task('PUT', `${vm}/resize`, { disk, size });
      assert.equal(await resize('scsi0', '4G'), 'shrinking disks is not supported');
      assert.equal(await resize('scsi7', '4G'), "disk 'scsi7' does not exist");
      assert.equal(await resize('scsi0', '+2G'), 'OK');
      assert.equal((await lab.ok('GET', `${vm}/config`)).scsi0, 'vms-ceph:vm-100-disk-0,size=10G');
    });

    it('a detached disk is kept as unused; removing that removes the image', async () => {
      const vmid = make('node', { scsi1: 'vms-ceph:8' });
      const vm = `nodes/baldar/qemu/${vmid}`;
      await lab.ok('PUT', `${vm}/config`, { delete: 'scsi1' });
      const config = await lab.ok('GET', `${vm}/config`);
      assert.deepEqual([config.scsi1, config.unused0], [undefined, `vms-ceph:vm-${vmid}-disk-1`]);
      await lab.ok('PUT', `${vm}/config`, { delete: 'unused0' });
      assert.deepEqual(await volids('baldar', 'vms-ceph'), [`vms-ceph:vm-${vmid}-disk-0`]);
    });

    it('a moved disk keeps its content; the original goes or stays as unused', async () => {
      const vmid = make('node');
      const vm = `nodes/baldar/qemu/${vmid}`;
      const { content } = lab.cluster.hardware(vmid)!.disks[0]!;
      const there = { disk: 'scsi0', storage: 'local-lvm' };
      assert.equal(await lab.task('POST', `${vm}/move_disk`, { ...there, delete: 1 }), 'OK');
      assert.equal(lab.cluster.hardware(vmid)!.disks[0]!.content, content);
      assert.deepEqual(await volids('baldar', 'vms-ceph'), []);
      assert.equal(await lab.task('POST', `${vm}/move_disk`, { disk: 'scsi0', storage: 'vms-ceph' }), 'OK');
      assert.equal((await lab.ok('GET', `${vm}/config`)).unused0, `local-lvm:vm-${vmid}-disk-0`);
    });

    it('an import from an image that isn’t there fails in the task and gives the id back', async () => {
      const scsi0 = 'vms-ceph:0,import-from=local:import/none.raw';
      const exit = await lab.task('POST', 'nodes/baldar/qemu', { vmid: 101, scsi0 });
      assert.match(exit, /^unable to create VM 101 - cannot import from 'local:import\/none.raw'/);
      assert.equal(lab.cluster.hardware(101), undefined);
      const direct = await lab.call('POST', 'nodes/baldar/qemu', { vmid: 101, scsi0: 'vms-ceph:8,import-from=x' });
      assert.match(direct.body.errors?.scsi0 ?? '', /'import-from' requires special syntax/);
    });

    it('a download from an unknown host, to the wrong storage or under a wrong name fails', async () => {
      const order = { content: 'import', filename: 'x.raw', url: 'https://nowhere.invalid/x.raw' };
      const url = 'nodes/baldar/storage/local/download-url';
      assert.match(await lab.task('POST', url, order), /^download failed: .* exit code 4$/);
      assert.match((await refusal('POST', url.replace('local', 'local-lvm'), order))[1], /not a file based storage/);
      const wrong = await lab.call('POST', url, { ...order, filename: 'x.xz' });
      assert.deepEqual(wrong.body.errors, { filename: 'invalid filename or wrong extension' });
      assert.match(
        (await refusal('GET', 'nodes/baldar/query-url-metadata', { url: order.url }))[1],
        /invalid server response/,
      );
      assert.equal(await lab.task('POST', url, { ...order, url: imageUrl('v1.11.3') }), 'OK');
      const file = 'nodes/baldar/storage/local/content/local:import%2Fx.raw';
      assert.equal(await lab.task('DELETE', file), 'OK');
      assert.equal(await lab.task('DELETE', file), 'OK', 'a file that is gone already is fine');
      assert.equal((await refusal('GET', file))[0], 500);
    });
  });

  describe('migration', () => {
    it('takes local disks along, content and all, and needs the word for a running VM', async () => {
      const vmid = make('node', { scsi1: 'local-lvm:8' }, { running: true });
      const { content } = lab.cluster.hardware(vmid)!.disks[1]!;
      const migrate = { target: 'odin' };
      const vm = `nodes/baldar/qemu/${vmid}/migrate`;
      assert.deepEqual(await refusal('POST', vm, migrate), [500, "can't migrate running VM without --online"]);
      assert.match((await refusal('POST', vm, { ...migrate, online: 1 }))[1], /without with-local-disks option/);
      assert.equal(await lab.task('POST', vm, { ...migrate, online: 1, 'with-local-disks': 1 }), 'OK');
      assert.equal(lab.cluster.hardware(vmid)!.host, 'odin');
      assert.equal(lab.cluster.hardware(vmid)!.disks[1]!.content, content);
      assert.deepEqual(await volids('baldar', 'local-lvm'), []);
      const same = await lab.call('POST', `nodes/odin/qemu/${vmid}/migrate`, migrate);
      assert.deepEqual(same.body.errors, { target: 'target is local node.' });
    });

    it('of a VM with a GPU needs a mapping on the other host', async () => {
      const vmid = make('gpu', { hostpci0: 'mapping=thor-gpu' }, { host: 'thor' });
      const [, reason] = await refusal('POST', `nodes/thor/qemu/${vmid}/migrate`, { target: 'odin' });
      assert.equal(reason, "can't migrate to 'odin': missing mapped devices hostpci0");
    });
  });
});
