import assert from 'node:assert/strict';
import * as proxmox from '@muhlba91/pulumi-proxmoxve';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { Engine } from './engine.js';
import { IMAGE_URL, ProxmoxLab } from './proxmox-lab.js';

interface Wish {
  templateId?: number;
  memory?: number;
  name?: string;
}

const SPEED = { ignoreChanges: ['disks[0].speed', 'disks[1].speed'] };

/** An image, two templates made from it, and a VM cloned from one of them. */
function program({ templateId = 9000, memory = 2048, name = 'worker-1' }: Wish = {}) {
  return async () => {
    const image = new proxmox.download.File('image', {
      nodeName: 'baldar',
      datastoreId: 'local',
      contentType: 'import',
      fileName: 'talos.raw',
      url: IMAGE_URL,
      overwrite: false,
    });
    const template = (vmId: number) =>
      new proxmox.VmLegacy(
        `template-${vmId}`,
        {
          vmId,
          nodeName: 'baldar',
          name: `template-${vmId}`,
          template: true,
          started: false,
          cdrom: { fileId: 'none', interface: 'ide3' },
          bootOrders: ['scsi0'],
          disks: [{ interface: 'scsi0', datastoreId: 'vms-ceph', importFrom: image.id, size: 10 }],
        },
        SPEED,
      );
    const templates = [template(9000), template(9001)];
    const vm = new proxmox.VmLegacy(
      'vm',
      {
        vmId: 8001,
        nodeName: 'baldar',
        name,
        tags: ['talos', 'worker'],
        clone: { vmId: templateId, full: true },
        cdrom: { fileId: 'none', interface: 'ide3' },
        cpu: { cores: 4, type: 'host' },
        memory: { dedicated: memory },
        smbios: { uuid: '4a54b3a2-7b9c-4a3e-9d53-3f1c4a7d8001' },
        operatingSystem: { type: 'l26' },
        networkDevices: [
          { bridge: 'vmbr0', macAddress: 'BC:24:11:00:80:01' },
          { bridge: 'vmbr1', vlanId: 62 },
        ],
        initialization: {
          datastoreId: 'vms-ceph',
          ipConfigs: [{ ipv4: { address: '10.20.67.1/16', gateway: '10.20.0.1' } }],
        },
        disks: [
          { interface: 'scsi0', datastoreId: 'vms-ceph', size: 20, iothread: true },
          { interface: 'scsi1', datastoreId: 'local-lvm', size: 30 },
        ],
        stopOnDestroy: true,
      },
      { ...SPEED, dependsOn: templates },
    );
    return { id: vm.id, macs: vm.macAddresses, started: vm.started };
  };
}

describe('proxmoxve plugin on the real engine', function () {
  let lab: ProxmoxLab;
  let engine: Engine;

  before(async () => {
    lab = await ProxmoxLab.start();
    engine = await Engine.start(lab.environment);
  });

  after(async () => {
    engine.close();
    await lab.close();
  });

  const changesOf = (events: EngineEvent[], name: string) =>
    events.flatMap(({ resourcePreEvent }) => {
      const metadata = resourcePreEvent?.metadata;
      return metadata?.urn.endsWith(`::${name}`) ? [metadata] : [];
    });

  it('downloads the image, makes the templates and clones a VM', async () => {
    assert.equal((await engine.up(program())).create, 5);
    const { outputs } = await engine.state('vm');
    assert.equal(outputs['started'], true);
    assert.deepEqual((outputs['macAddresses'] as string[])[0], 'BC:24:11:00:80:01');
    assert.match((outputs['macAddresses'] as string[])[1] ?? '', /^[0-9A-F:]{17}$/);
    const hardware = lab.cluster.hardware(8001);
    assert.equal(hardware?.uuid, '4a54b3a2-7b9c-4a3e-9d53-3f1c4a7d8001');
    assert.deepEqual(
      hardware?.disks.map(({ slot, bytes }) => [slot, bytes / 2 ** 30]),
      [
        ['scsi0', 20],
        ['scsi1', 30],
      ],
    );
    assert.equal(lab.cluster.running(8001), true);
    lab.writes();
  });

  it('changes nothing at a second up, and makes no call for it', async () => {
    const changes = await engine.up(program());
    assert.deepEqual(Object.keys(changes), ['same']);
    assert.deepEqual(lab.writes(), []);
  });

  it('sees no drift at a refresh', async () => {
    assert.deepEqual(Object.keys(await engine.refresh()), ['same']);
    assert.deepEqual(Object.keys(await engine.up(program())), ['same']);
  });

  it('changes memory in place with the power off and on', async () => {
    const events: EngineEvent[] = [];
    assert.equal((await engine.up(program({ memory: 4096 }), (event) => events.push(event))).update, 1);
    const [change] = changesOf(events, 'vm');
    assert.deepEqual(Object.keys(change?.detailedDiff ?? {}), ['memory.dedicated']);
    assert.deepEqual(lab.writes(), [
      'PUT /nodes/baldar/qemu/8001/config',
      'POST /nodes/baldar/qemu/8001/status/stop',
      'POST /nodes/baldar/qemu/8001/status/start',
    ]);
    assert.equal(lab.cluster.hardware(8001)?.memory, 4096 * 2 ** 20);
  });

  it('replaces the VM when its template changes, deleting the old one first under the same id', async () => {
    const events: EngineEvent[] = [];
    const before = lab.cluster.hardware(8001)?.generation ?? 0;
    await engine.up(program({ memory: 4096, templateId: 9001 }), (event) => events.push(event));
    const ops = changesOf(events, 'vm').map(({ op }) => op);
    assert.deepEqual(ops, ['delete-replaced', 'replace', 'create-replacement']);
    const [, replace] = changesOf(events, 'vm');
    assert.deepEqual(replace?.keys, ['clone']);
    const writes = lab.writes();
    const order = ['DELETE /nodes/baldar/qemu/8001', 'POST /nodes/baldar/qemu/9001/clone'];
    assert.deepEqual(
      writes
        .filter((write) => order.some((prefix) => write.startsWith(prefix)))
        .map((write) => write.replace(/\/?\?.*|\/$/, '')),
      order,
    );
    assert.ok((lab.cluster.hardware(8001)?.generation ?? 0) > before);
  });

  it('drops a VM from the state that is gone, and makes it again', async () => {
    lab.cluster.byHand.remove(8001);
    assert.equal((await engine.refresh()).delete, 1);
    assert.equal((await engine.up(program({ memory: 4096, templateId: 9001 }))).create, 1);
  });

  it('takes everything away at a destroy', async () => {
    await engine.destroy();
    assert.deepEqual(
      [8001, 9000, 9001].map((vmId) => lab.cluster.hardware(vmId)),
      [undefined, undefined, undefined],
    );
  });
});
