import assert from 'node:assert/strict';
import { ProxmoxProvider } from '../../../lab/plugins/proxmoxve/provider.js';
import type { PropertyMap } from '../../../lab/plugins/protocol/values.js';
import { UNKNOWN } from '../../../lab/plugins/protocol/values.js';
import { text } from '../../../lab/plugins/protocol/read-value.js';
import { HalfMade, PluginClient } from './plugin-client.js';
import type { Created } from './plugin-client.js';
import { IMAGE_URL, ProxmoxLab } from './proxmox-lab.js';

const VM = 'proxmoxve:index/vmLegacy:VmLegacy';
const FILE = 'proxmoxve:download/file:File';
const PCI = 'proxmoxve:hardware/mapping/pci:Pci';
const SPEED = ['disks[0].speed', 'disks[1].speed'];

describe('proxmoxve plugin', () => {
  let lab: ProxmoxLab;
  let plugin: PluginClient;
  const saved = { ...process.env };

  before(async () => {
    lab = await ProxmoxLab.start();
    Object.assign(process.env, lab.environment);
    plugin = await PluginClient.start(new ProxmoxProvider());
    await createTemplate();
  });

  after(async () => {
    plugin.close();
    await lab.close();
    for (const name of Object.keys(lab.environment)) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
  });

  beforeEach(() => {
    lab.world.faults.clear();
    lab.writes();
  });

  async function checked(type: string, news: PropertyMap): Promise<PropertyMap> {
    const { inputs, failures } = await plugin.check(type, news);
    assert.deepEqual(failures, []);
    return inputs;
  }

  async function createTemplate(): Promise<void> {
    const file = {
      nodeName: 'baldar',
      datastoreId: 'local',
      contentType: 'import',
      fileName: 'talos.raw',
      url: IMAGE_URL,
    };
    const image = await plugin.create(FILE, await checked(FILE, file));
    await plugin.create(
      VM,
      await checked(VM, {
        vmId: 9000,
        nodeName: 'baldar',
        name: 'template',
        template: true,
        started: false,
        cdrom: { fileId: 'none', interface: 'ide3' },
        disks: [{ interface: 'scsi0', datastoreId: 'vms-ceph', importFrom: image.id, size: 10 }],
      }),
    );
  }

  function clone(vmId: number, more: PropertyMap = {}): PropertyMap {
    return {
      vmId,
      nodeName: 'baldar',
      name: `node-${vmId}`,
      clone: { vmId: 9000 },
      cdrom: { fileId: 'none', interface: 'ide3' },
      networkDevices: [{ bridge: 'vmbr0' }],
      disks: [{ interface: 'scsi0', datastoreId: 'vms-ceph', size: 10 }],
      ...more,
    };
  }

  async function createClone(vmId: number, more?: PropertyMap): Promise<Created & { inputs: PropertyMap }> {
    const inputs = await checked(VM, clone(vmId, more));
    return { ...(await plugin.create(VM, inputs)), inputs };
  }

  describe('Check', () => {
    it('names every input that is wrong', async () => {
      const { failures } = await plugin.check(VM, { nodeNam: 'baldar', vmId: 'eight', bios: 'uefi', usbs: [{}] });
      assert.deepEqual(failures.sort(), [
        "bios: expected one of seabios, ovmf, found 'uefi'",
        'nodeNam: an argument of this name is not expected here',
        'nodeName: missing required argument',
        "usbs: not supported by the lab's proxmoxve plugin",
        'vmId: expected number, found string',
      ]);
    });

    it('names a VM after its resource when the program does not, and keeps that name', async () => {
      const { inputs } = await plugin.check(VM, { nodeName: 'baldar' });
      assert.match(text(inputs['name']), /^thing-[0-9a-f]{7}$/);
      const again = await plugin.check(VM, { nodeName: 'baldar' }, inputs);
      assert.equal(again.inputs['name'], inputs['name']);
    });
  });

  describe('Diff', () => {
    it('sees no change in what it made, but for the speed of every disk', async () => {
      const vm = await createClone(8101);
      const { detail } = await plugin.diff(VM, vm, vm.inputs);
      assert.deepEqual(detail, { 'disks[0].speed': 'ADD' });
      assert.equal((await plugin.diff(VM, vm, vm.inputs, SPEED)).changes, false);
    });

    it('replaces for another template, deleting first when the program gave the name', async () => {
      const vm = await createClone(8102);
      const news = await checked(VM, clone(8102, { clone: { vmId: 9001 } }));
      const diff = await plugin.diff(VM, vm, news, SPEED);
      assert.deepEqual(diff.detail, { 'clone.vmId': 'UPDATE_REPLACE' });
      assert.deepEqual([diff.replaces, diff.deleteBeforeReplace], [['clone'], true]);
    });

    it('replaces for another id or host under the key __meta', async () => {
      const vm = await createClone(8103);
      const diff = await plugin.diff(VM, vm, await checked(VM, { ...clone(8104), name: 'node-8103' }), SPEED);
      assert.deepEqual(diff.detail, { vmId: 'UPDATE', __meta: 'UPDATE_REPLACE' });
      assert.deepEqual(diff.replaces, ['__meta']);
      const moved = await plugin.diff(
        VM,
        vm,
        await checked(VM, clone(8103, { nodeName: 'odin', migrate: true })),
        SPEED,
      );
      assert.deepEqual(moved.replaces, []);
    });

    it('never replaces a template for another image', async () => {
      const template = await plugin.read(VM, { id: 'baldar/9000', properties: {} }, {});
      assert.ok(template);
      const news = {
        ...template.inputs,
        disks: [{ interface: 'scsi0', datastoreId: 'vms-ceph', importFrom: 'local:import/new.raw', size: 10 }],
      };
      const diff = await plugin.diff(VM, template, await checked(VM, news), SPEED);
      assert.deepEqual(diff.replaces, []);
      assert.ok('disks[0].importFrom' in diff.detail);
    });

    it('takes tags in any order for the same', async () => {
      const vm = await createClone(8105, { tags: ['b', 'a'] });
      assert.deepEqual(vm.properties['tags'], ['a', 'b']);
      assert.equal((await plugin.diff(VM, vm, vm.inputs, SPEED)).changes, false);
    });
  });

  describe('preview', () => {
    it('tells what it knows and leaves the rest unknown', async () => {
      const unnumbered = clone(0);
      delete unnumbered['vmId'];
      const { id, properties } = await plugin.create(VM, await checked(VM, unnumbered), true);
      assert.equal(id, '');
      assert.equal(properties['vmId'], UNKNOWN);
      assert.equal(properties['ipv4Addresses'], UNKNOWN);
      assert.equal(properties['nodeName'], 'baldar');
      assert.deepEqual(lab.writes(), []);
    });
  });

  describe('Update', () => {
    it('changes tags without touching the power', async () => {
      const vm = await createClone(8111);
      lab.writes();
      const news = await checked(VM, clone(8111, { tags: ['new'] }));
      const updated = await plugin.update(VM, vm, { ...news, disks: vm.properties['disks'] ?? [] });
      assert.deepEqual(updated.properties['tags'], ['new']);
      assert.deepEqual(lab.writes(), ['PUT /nodes/baldar/qemu/8111/config']);
    });

    it('grows a disk, and refuses to shrink one', async () => {
      const vm = await createClone(8112);
      const size = (gib: number) =>
        clone(8112, { disks: [{ interface: 'scsi0', datastoreId: 'vms-ceph', size: gib }] });
      const grown = await plugin.update(VM, vm, await checked(VM, size(12)));
      assert.equal(lab.cluster.hardware(8112)?.disks[0]?.bytes, 12 * 2 ** 30);
      await assert.rejects(plugin.update(VM, grown, await checked(VM, size(5))), /Cannot shrink scsi0 in VM 8112/);
    });

    it('starts a VM again that was stopped by hand', async () => {
      const vm = await createClone(8113);
      lab.cluster.byHand.stop(8113);
      const seen = await plugin.read(VM, vm, vm.inputs);
      assert.ok(seen);
      const diff = await plugin.diff(VM, seen, vm.inputs, SPEED);
      assert.deepEqual(diff.detail, { started: 'UPDATE' === diff.detail['started'] ? 'UPDATE' : 'ADD' });
      await plugin.update(VM, seen, vm.inputs);
      assert.equal(lab.cluster.running(8113), true);
    });
  });

  describe('Read', () => {
    it('returns undefined for a VM that is gone', async () => {
      const vm = await createClone(8121);
      lab.cluster.byHand.remove(8121);
      assert.equal(await plugin.read(VM, vm, vm.inputs), undefined);
    });

    it('reports the host that a VM was moved to, which then is a replacement', async () => {
      const vm = await createClone(8122);
      lab.cluster.byHand.move(8122, 'odin');
      const seen = await plugin.read(VM, vm, vm.inputs);
      assert.equal(seen?.properties['nodeName'], 'odin');
      assert.deepEqual((await plugin.diff(VM, seen, vm.inputs, SPEED)).replaces, ['__meta']);
    });

    it('adopts a VM by NODE/ID with inputs that change nothing', async () => {
      await createClone(8123, { tags: ['adopted'], memory: { dedicated: 1024 } });
      const adopted = await plugin.read(VM, { id: 'baldar/8123', properties: {} }, {});
      assert.ok(adopted);
      assert.equal(adopted.id, '8123');
      const diff = await plugin.diff(VM, adopted, await checked(VM, adopted.inputs), SPEED);
      assert.deepEqual(diff.detail, {});
    });
  });

  describe('Delete', () => {
    it('is an error for a VM that is gone, until a refresh', async () => {
      const vm = await createClone(8131);
      lab.cluster.byHand.remove(8131);
      await assert.rejects(plugin.delete(VM, vm), /error retrieving VM status: received an HTTP 500 response/);
    });

    it('powers a protected VM off and then cannot delete it', async () => {
      const vm = await createClone(8132, { protection: true });
      await assert.rejects(plugin.delete(VM, vm), /protection/);
      assert.equal(lab.cluster.running(8132), false);
      assert.ok(lab.cluster.hardware(8132));
    });
  });

  describe('a creation that goes wrong', () => {
    it('leaves nothing in the state when the clone task fails, and does not try again', async () => {
      lab.world.faults.set('clone-task-fails', 'node-8141');
      const failed = plugin.create(VM, await checked(VM, clone(8141, { clone: { vmId: 9000, retries: 3 } })));
      await assert.rejects(failed, (error: Error) => {
        assert.ok(!(error instanceof HalfMade));
        assert.match(error.message, /VM clone: task "UPID:.*" failed to complete with exit code/);
        return true;
      });
      assert.equal(lab.writes().filter((write) => write.endsWith('/clone')).length, 1);
    });

    it('reports a template that is locked with the number of tries', async () => {
      lab.world.faults.set('clone-lock', 'node-8142');
      await assert.rejects(
        plugin.create(VM, await checked(VM, clone(8142))),
        /VM clone: All attempts fail:\n#1: error cloning VM: received an HTTP 500 response - Reason: .*got timeout/,
      );
    });

    it('keeps a half-made VM with the wanted values, and the next update only sends its name and starts it', async () => {
      lab.world.faults.set('start-fails', 'node-8143', 1);
      const inputs = await checked(VM, clone(8143, { memory: { dedicated: 3072 } }));
      const half = await plugin.create(VM, inputs).then(
        () => assert.fail('expected the start to fail'),
        (error: unknown) => error,
      );
      assert.ok(half instanceof HalfMade);
      assert.equal(half.id, '8143');
      assert.deepEqual([half.properties['started'], half.reasons.length], [true, 1]);
      lab.writes();
      await plugin.update(VM, half, inputs);
      assert.equal(lab.cluster.running(8143), true);
      const writes = lab.writes();
      assert.equal(writes.at(-1), 'POST /nodes/baldar/qemu/8143/status/start');
    });

    it('refuses an id that is taken when it tries only once', async () => {
      lab.cluster.byHand.create({ vmid: 8144, name: 'stranger', host: 'odin', options: {} });
      const failed = plugin.create(VM, await checked(VM, clone(8144)));
      await assert.rejects(failed, /unable to create VM 8144: config file already exists/);
    });
  });

  describe('download.File', () => {
    const file = { nodeName: 'odin', datastoreId: 'local', contentType: 'import', url: IMAGE_URL };

    it('takes its name from the URL, refuses to overwrite a stranger, and lists its size', async () => {
      const inputs = await checked(FILE, file);
      const image = await plugin.create(FILE, inputs);
      assert.equal(image.id, 'local:import/nocloud-amd64.raw');
      assert.equal(image.properties['size'], lab.imageSize);
      await assert.rejects(plugin.create(FILE, inputs), /refusing to override existing file/);
      assert.equal((await plugin.diff(FILE, image, inputs)).changes, false);
      const seen = await plugin.read(FILE, image, inputs);
      assert.ok(seen);
      assert.equal((await plugin.diff(FILE, seen, inputs)).changes, false);
      await plugin.delete(FILE, image);
    });

    it('is replaced for another URL', async () => {
      const inputs = await checked(FILE, { ...file, fileName: 'a.raw' });
      const image = await plugin.create(FILE, inputs);
      const diff = await plugin.diff(
        FILE,
        image,
        await checked(FILE, { ...file, fileName: 'a.raw', url: 'https://other/a.raw' }),
      );
      assert.deepEqual(diff.detail, { url: 'UPDATE_REPLACE' });
      await plugin.delete(FILE, image);
    });
  });

  it('maps PCI devices, in any order of hosts', async () => {
    const maps = [
      { id: '10de:2231', node: 'heimdall', path: '0000:01:00.0', iommuGroup: 14, subsystemId: '10de:147e' },
      { id: '10de:2531', node: 'thor', path: '0000:0a:00.0', iommuGroup: 21, subsystemId: '10de:151d' },
    ];
    const inputs = await checked(PCI, { name: 'gpu', comment: 'both', maps });
    const mapping = await plugin.create(PCI, inputs);
    assert.equal((await plugin.diff(PCI, mapping, { ...inputs, maps: [...maps].reverse() })).changes, false);
    const changed = await plugin.update(PCI, mapping, await checked(PCI, { name: 'gpu', maps: maps.slice(0, 1) }));
    assert.equal((changed.properties['maps'] as unknown[]).length, 1);
    await plugin.delete(PCI, changed);
    // The server calls it 'not found' with status 500, which is not 'gone' to the provider.
    await assert.rejects(plugin.read(PCI, mapping, inputs), /mapping 'gpu' not found/);
  });

  it('skips a host that is offline when it lists VMs', async () => {
    lab.cluster.byHand.create({ vmid: 8151, name: 'listed', host: 'heimdall', options: { tags: 'listed' } });
    const list = async () =>
      (await plugin.invoke('proxmoxve:index/getVmsLegacy:getVmsLegacy', { tags: ['listed'] }))['vms'] as PropertyMap[];
    assert.deepEqual(
      (await list()).map(({ vmId, template }) => [vmId, template]),
      [[8151, false]],
    );
    lab.world.faults.set('host-offline', 'heimdall');
    assert.deepEqual(await list(), []);
  });

  it('says what is wrong with an endpoint or a token without showing the token', async () => {
    await assert.rejects(plugin.configure({ endpoint: 'http://odin:8006' }), /expected an https:\/\/ address/);
    await assert.rejects(plugin.configure({ apiToken: 'secret-thing' }), (error: Error) => {
      assert.match(error.message, /USER@REALM!TOKENID=UUID/);
      assert.doesNotMatch(error.message, /secret-thing/);
      return true;
    });
  });
});
