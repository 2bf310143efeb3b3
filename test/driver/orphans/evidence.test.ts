import assert from 'node:assert/strict';
import { ProxmoxError, type ProxmoxClient } from '@prox-ops/operations';
import { gather } from '../../../driver/orphans/evidence';

const ONE_HOST: Record<string, unknown> = {
  '/access/permissions?path=/vms': { '/vms': { 'VM.Audit': 1 } },
  '/cluster/resources': [
    { type: 'node', node: 'thor', status: 'online' },
    { type: 'qemu', vmid: 105, node: 'thor' },
  ],
  '/cluster/replication': [{ guest: 7 }],
  '/cluster/backup': [{ vmid: '8,9' }, { all: 1 }],
  '/nodes/thor/qemu': [{ vmid: 105, name: 'a', template: 1 }],
  '/nodes/thor/qemu/105/config': {
    name: 'a',
    cores: 2,
    protection: 1,
    description: 'Talos v1.11.3, schematic abc',
    tags: 'prox-ops;template',
    meta: 'creation-qemu=10.1.2,ctime=1700000000',
    smbios1: 'base64=1,uuid=ABCDEF00-0000-4000-8000-000000000000',
    hostpci0: 'mapping=thor-gpu,pcie=1',
    hostpci1: '0000:02:00.0',
    scsi0: 'ceph:vm-105-disk-0,size=10G',
    unused0: 'ceph:vm-8001-disk-0',
    cicustom: 'user=local:snippets/user.yaml,network=local:snippets/network.yaml',
    hookscript: 'local:snippets/hook.pl',
  },
  '/nodes/thor/qemu/105/snapshot': [{ name: 'before' }, { name: 'current' }],
  '/nodes/thor/qemu/105/snapshot/before/config': { cicustom: 'user=local:snippets/old.yaml' },
  '/nodes/thor/lxc': [],
  '/nodes/thor/storage': [
    { storage: 'ceph', shared: 1, enabled: 1, content: 'images,rootdir' },
    { storage: 'local', shared: 0, enabled: 1, content: 'import,snippets,backup' },
    { storage: 'off', shared: 0, enabled: 0, content: 'images' },
  ],
  '/nodes/thor/storage/ceph/content?content=images': [
    { volid: 'ceph:vm-8001-disk-0', size: 5, ctime: 1 },
    { volid: 'ceph:base-9000-disk-0/vm-105-disk-0', size: 5, parent: 'base-9000-disk-0' },
  ],
  '/nodes/thor/storage/local/content?content=import': [{ volid: 'local:import/x.raw', size: 6 }],
  '/nodes/thor/storage/local/content?content=snippets': [{ volid: 'local:snippets/user.yaml', size: 7 }],
  '/cluster/mapping/pci?check-node=thor': [
    {
      id: 'thor-gpu',
      map: ['id=10de:2531,node=thor,path=0000:0a:00.0'],
      checks: [
        { severity: 'warning', message: 'No mapping for node thor.' },
        { severity: 'error', message: "Invalid configuration: pci device '0000:0a:00.0' not found\n" },
      ],
    },
  ],
};

/** Anything that is not there answers with an error, as Proxmox does. */
function proxmox(answers: Record<string, unknown>): ProxmoxClient {
  const get = (path: string): Promise<unknown> =>
    path in answers
      ? Promise.resolve(answers[path])
      : Promise.reject(new ProxmoxError(`Proxmox GET ${path}: 595`, 595));
  return { get } as unknown as ProxmoxClient;
}

describe('the evidence that Proxmox gives', () => {
  it('is whole: guests, what they and their snapshots name, storages, jobs, mappings', async () => {
    const found = await gather(proxmox(ONE_HOST));
    assert.deepEqual(found.unknown, []);
    const [guest] = found.machines;
    assert.deepEqual(guest, {
      vmId: 105,
      host: 'thor',
      name: 'a',
      template: true,
      uuid: 'abcdef00-0000-4000-8000-000000000000',
      description: 'Talos v1.11.3, schematic abc',
      tags: ['prox-ops', 'template'],
      protected: true,
      created: 1_700_000_000,
      pci: [{ slot: 'hostpci0', mapping: 'thor-gpu' }],
    });
    for (const name of ['user', 'network'])
      assert.equal(found.attached.get(`local:snippets/${name}.yaml`), 'guest 105');
    assert.equal(found.attached.get('local:snippets/hook.pl'), 'guest 105');
    assert.equal(found.attached.get('local:snippets/old.yaml'), 'a snapshot of guest 105');
    assert.equal(found.attached.get('ceph:vm-8001-disk-0'), 'guest 105');
    assert.deepEqual(
      found.images.map(({ vmId, shared, created }) => [vmId, shared, created]),
      [
        [8001, true, 1],
        [105, true, undefined],
      ],
    );
    assert.deepEqual([...found.bases], ['ceph:base-9000-disk-0']);
    assert.deepEqual(
      found.files.map(({ volid, content }) => [volid, content]),
      [
        ['local:snippets/user.yaml', 'snippets'],
        ['local:import/x.raw', 'import'],
      ],
    );
    assert.deepEqual([...found.jobs.keys()], [7, 8, 9]);
    assert.deepEqual(found.mappings, [
      {
        id: 'thor-gpu',
        devices: ['thor 0000:0a:00.0'],
        problems: ["thor: Invalid configuration: pci device '0000:0a:00.0' not found"],
      },
    ]);
  });

  it('names every source that is silent', async () => {
    for (const path of Object.keys(ONE_HOST)) {
      const { [path]: gone, ...rest } = ONE_HOST;
      assert.ok(gone);
      const { unknown } = await gather(proxmox(rest));
      assert.equal(unknown.length, 1, path);
      assert.match(unknown[0] ?? '', /595/);
    }
  });

  it('is not whole for a token that some guest may be hidden from', async () => {
    for (const privileges of [{}, { 'VM.Audit': 0 }]) {
      const { unknown } = await gather(
        proxmox({ ...ONE_HOST, '/access/permissions?path=/vms': { '/vms': privileges } }),
      );
      assert.match(unknown.join(), /^the token: expected VM\.Audit on \/vms and below/);
    }
  });

  it('calls a host unknown that the cluster does not have online', async () => {
    const offline = { ...ONE_HOST, '/cluster/resources': [{ type: 'node', node: 'thor', status: 'offline' }] };
    assert.deepEqual((await gather(proxmox(offline))).unknown, ['thor: expected it online, found it offline']);
  });
});
