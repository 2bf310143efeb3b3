import assert from 'node:assert/strict';
import { stringify } from 'yaml';
import { validate } from '../../../config/validate';
import { compose, type Composed } from '../../../driver/adopt/compose';
import { Findings } from '../../../driver/adopt/findings';
import type { LiveNode } from '../../../driver/adopt/liveCluster';
import type { LiveProxmox, LiveVm } from '../../../driver/adopt/liveProxmox';
import { pairNodes } from '../../../driver/adopt/pairing';
import { stackDocument } from '../../../driver/adopt/stackDocument';

const HOSTS = ['odin', 'thor', 'tyr'];
const OPTIONS = { endpoint: 'https://pve.example:8006', imageFactory: undefined, linstor: undefined };

interface Live {
  nodes: LiveNode[];
  proxmox: LiveProxmox;
}

/** Three control planes and two workers, one of them with a GPU; nothing of it is named or sized as the program would. */
function live(): Live {
  const nodes = [1, 2, 3, 4, 5].map((number) => node(number, number < 4 ? 'controlplane' : 'worker'));
  const vms = nodes.map((one, index) => vm(one, 100 + index, HOSTS[index % 3] ?? ''));
  Object.assign(vms[4]?.config ?? {}, { hostpci0: 'mapping=thor-gpu,pcie=1' });
  Object.assign(nodes[4] ?? {}, {
    extensions: ['nonfree-kmod-nvidia-production', 'nvidia-container-toolkit-production', 'qemu-guest-agent'],
  });
  const templates = HOSTS.map((host, index) => template(9000 + index * 2, `talos-${host}`, host));
  const hosts = HOSTS.map((name) => ({
    name,
    memory: 262_144,
    cores: 32,
    bridges: ['vmbr0', 'vmbr1'],
    storages: [
      { name: 'local', content: ['import', 'iso'] },
      { name: 'ceph', content: ['images'] },
    ],
    pci: name === 'thor' ? ['thor-gpu'] : [],
  }));
  return { nodes, proxmox: { hosts, vms: [...vms, ...templates], offline: [] } };
}

function node(number: number, role: LiveNode['role']): LiveNode {
  const vip = role === 'controlplane' ? { vip: { ip: '10.0.0.20' } } : {};
  const document = {
    version: 'v1alpha1',
    machine: {
      type: role,
      network: {
        interfaces: [
          {
            interface: 'eth0',
            addresses: [`10.0.0.${number}/24`],
            routes: [{ network: '0.0.0.0/0', gateway: '10.0.0.254' }],
            ...vip,
          },
        ],
      },
    },
    cluster: { clusterName: 'home', network: { podSubnets: ['10.42.0.0/16'], serviceSubnets: ['10.43.0.0/16'] } },
  };
  return {
    name: `node-${number}`,
    role,
    address: `10.0.0.${number}`,
    addresses: [`10.0.0.${number}/24`],
    uuid: `00000000-0000-4000-8000-00000000000${number}`,
    ready: true,
    cordoned: false,
    kubernetes: 'v1.34.1',
    talos: 'v1.11.3',
    schematic: undefined,
    extensions: ['qemu-guest-agent'],
    configuration: stringify(document),
    documents: [document],
  };
}

function vm({ uuid }: LiveNode, vmId: number, host: string): LiveVm {
  const config = {
    cores: '4',
    memory: '8192',
    cpu: 'host',
    onboot: '1',
    scsi0: 'ceph:vm-disk-0,size=40G,iothread=1',
    net0: `virtio=bc:24:11:00:00:${vmId - 100 + 10},bridge=vmbr1`,
    smbios1: `uuid=${uuid}`,
  };
  return { vmId, name: `VM ${vmId}`, host, template: false, config: { ...config }, uuid };
}

function template(vmId: number, name: string, host: string): LiveVm {
  return { vmId, name, host, template: true, config: { template: '1' }, uuid: '' };
}

function composed({ nodes, proxmox }: Live): { result: Composed; findings: Findings } {
  const findings = new Findings();
  const result = compose(pairNodes(nodes, proxmox, findings), proxmox, OPTIONS, findings);
  return { result, findings };
}

function rawNode({ raw }: Composed, name: string): Record<string, unknown> {
  return raw['nodes']?.[name] as Record<string, unknown>;
}

describe('R004-CR adopt: the stack file that describes what is there', () => {
  it('is valid, and has ids, addresses and hardware addresses as they are', () => {
    const { result, findings } = composed(live());
    const config = validate(result.raw);
    assert.deepEqual(findings.problems, []);
    assert.equal(config.cluster.vip, '10.0.0.20');
    assert.deepEqual(config.roles.worker, { cores: 4, sockets: 1, memory: 8192, disk: 40 });
    assert.equal(config.nodes['node-2']?.vmId, 101);
    assert.equal(config.nodes['node-2']?.mac, 'BC:24:11:00:00:11');
    assert.deepEqual(config.nodes['node-5']?.pci, ['thor-gpu']);
    assert.equal(config.addons.driverAccess, false);
  });

  it('tells what is different of one node as that node’s own', () => {
    const world = live();
    Object.assign(world.proxmox.vms[0]?.config ?? {}, {
      memory: '16384',
      bios: 'ovmf',
      onboot: '0',
      tags: 'mine;worker',
    });
    const node1 = rawNode(composed(world).result, 'node-1');
    assert.deepEqual(node1['hardware'], { memory: 16_384 });
    assert.equal(node1['bios'], 'ovmf');
    assert.equal(node1['onBoot'], false);
    assert.deepEqual(node1['tags'], ['mine']);
  });

  it('takes templates over that fit, makes room for another slot, and says which are missing', () => {
    const { result, findings } = composed(live());
    assert.deepEqual([...result.templates.keys()].sort(), ['a-odin-standard', 'a-thor-standard', 'a-tyr-standard']);
    assert.deepEqual(result.raw['proxmox']?.['templateIds'], { a: 9000, b: 9010 });
    assert.deepEqual(
      findings.differences.map(({ what }) => what),
      ['template a-thor-gpu'],
    );
  });

  it('takes a second release for the one in slot b, and refuses a third', () => {
    const world = live();
    Object.assign(world.nodes[4] ?? {}, { talos: 'v1.12.4' });
    const { result, findings } = composed(world);
    assert.equal(rawNode(result, 'node-5')['release'], 'b');
    assert.deepEqual(findings.problems, []);
    Object.assign(world.nodes[3] ?? {}, { talos: 'v1.10.0' });
    assert.match(composed(world).findings.problems.join('\n'), /expected at most two Talos releases/);
  });

  it('says what has to be mended first, all at once', () => {
    const world = live();
    for (const { documents } of world.nodes) delete (documents[0] as Record<string, unknown>)['machine'];
    Object.assign(world.proxmox.vms[4]?.config ?? {}, { hostpci0: '0000:01:00.0' });
    for (const { storages } of world.proxmox.hosts) storages.shift();
    const [, second] = world.proxmox.vms;
    if (second) second.uuid = 'another';
    const { problems } = composed(world).findings;
    for (const expected of [
      /node node-2: expected one VM with the SMBIOS UUID .*, found none/,
      /cluster\.vip: expected control planes that share a virtual address/,
      /nodes\.node-5\.pci: expected PCI devices by mapping, found hostpci0/,
      /proxmox\.imageStorage: expected a storage on every host with the content type `import`/,
    ])
      assert.match(problems.join('\n'), expected);
  });

  it('is written with comments, and short maps on one line', () => {
    const text = stackDocument(composed(live()).result.raw);
    assert.match(text, /^# Written by `prox-ops adopt`/);
    assert.match(text, /templateIds: \{ a: 9000, b: 9010 \}/);
    assert.match(text, /# Template ids count along this list: append, never insert\.\n\s+hosts:/);
  });
});
