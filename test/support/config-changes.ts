import type { Document } from 'yaml';

/** One change of the stack file, as an operator would make it. */
export interface ConfigChange {
  /** Where it is, for the table: `nodes.<name>` stands for one node. */
  key: string;
  /** What is changed, in words. */
  what: string;
  edits: Edit[];
  /** Why the test looks at the preview alone; else it makes the change, too, when no machine is to notice it. */
  notMade?: string;
}

/** Path below `config`, and the new value; undefined removes it. */
export type Edit = [path: string[], value: unknown];

/** A worker, and one with a GPU. */
export const WORKER = 'k8s-work-1';
export const GPU_WORKER = 'k8s-work-4';

const node = (...path: string[]): string[] => ['prox-ops:nodes', WORKER, ...path];
const talos = (...path: string[]): string[] => ['prox-ops:talos', ...path];
const patch = (machine: object): object[] => [{ machine }];

function change(key: string, what: string, ...edits: Edit[]): ConfigChange {
  return { key, what, edits };
}

/** @param address moves an address of Pulumi.prod.yaml into the lab. */
export function configChanges(address: (production: string) => string): [title: string, changes: ConfigChange[]][] {
  return [
    ['Releases', RELEASES],
    ['Hardware and placement of a node', hardware()],
    ['Proxmox settings of a node', PROXMOX],
    ['Networks', networks(address)],
    ['Talos and Kubernetes', machine()],
    ['Identity', identity(address)],
    ['The program itself', PROGRAM],
  ];
}

const NEXT = { talos: 'v1.12.4', kubernetes: 'v1.34.1' };

const RELEASES = [
  change(
    'releases',
    'another Talos release, in the other slot, made active (`prox-ops release`)',
    [['prox-ops:releases', 'b'], NEXT],
    [['prox-ops:releases', 'active'], 'b'],
  ),
  change('releases.b', 'the other slot filled, not made active', [['prox-ops:releases', 'b'], NEXT]),
  change('releases.a.talos', 'another Talos release in the active slot', [
    ['prox-ops:releases', 'a', 'talos'],
    'v1.11.5',
  ]),
  change('releases.a.kubernetes', 'another Kubernetes release in the active slot', [
    ['prox-ops:releases', 'a', 'kubernetes'],
    'v1.34.2',
  ]),
  change(
    'nodes.<name>.release',
    'one node held on the other slot',
    [['prox-ops:releases', 'b'], NEXT],
    [node('release'), 'b'],
  ),
];

function hardware(): ConfigChange[] {
  return [
    change('nodes.<name>.hardware.cores', 'more cores', [node('hardware', 'cores'), 20]),
    change('roles.worker.cores', 'more cores for a role', [['prox-ops:roles', 'worker', 'cores'], 20]),
    change('nodes.<name>.hardware.memory', 'more memory', [node('hardware', 'memory'), 40960]),
    change('nodes.<name>.hardware.disk', 'a larger system disk', [node('hardware', 'disk'), 120]),
    change('nodes.<name>.hardware.disk', 'a smaller system disk', [node('hardware', 'disk'), 80]),
    change('nodes.<name>.hardware.dataDisk', 'a larger data disk', [node('hardware', 'dataDisk'), 250]),
    change('nodes.<name>.hardware.dataDisk', 'a data disk removed', [node('hardware', 'dataDisk'), 0]),
    change('roles.controlplane.dataDisk', 'a data disk added', [['prox-ops:roles', 'controlplane', 'dataDisk'], 50]),
    change(
      'nodes.<name>.pci',
      'a GPU taken away',
      [['prox-ops:nodes', GPU_WORKER, 'pci'], []],
      [['prox-ops:nodes', GPU_WORKER, 'variant'], 'standard'],
    ),
    change('nodes.<name>.bios', 'UEFI', [node('bios'), 'ovmf']),
    change('nodes.<name>.host', 'another Proxmox host', [node('host'), 'baldar']),
    change('proxmox.cpuType', 'another CPU type', [['prox-ops:proxmox', 'cpuType'], 'x86-64-v3']),
    change('proxmox.storage', 'another storage for system disks', [['prox-ops:proxmox', 'storage'], 'local-lvm']),
    change('proxmox.dataStorage', 'another storage for data disks', [['prox-ops:proxmox', 'dataStorage'], 'vms-ceph']),
  ];
}

const PROXMOX = [
  change('nodes.<name>.tags', 'a tag added', [node('tags'), ['rack-2']]),
  change('nodes.<name>.onBoot', 'not started with its host', [node('onBoot'), false]),
  change('nodes.<name>.startup', 'another startup order', [node('startup'), { order: 7, upDelay: 30 }]),
];

function networks(address: (production: string) => string): ConfigChange[] {
  const lan = { lan: { vlan: 90, subnet: address('10.20.90.0/24') } };
  const all = {
    iot: { vlan: 62, subnet: address('10.20.62.0/23') },
    dmz: { vlan: 81, subnet: address('10.20.81.0/24') },
  };
  return [
    change('nodes.<name>.address', 'another address', [node('address'), address('10.20.67.40')]),
    change(
      'nodes.<name>.networks',
      'a NIC on a further network',
      [['prox-ops:networks'], { ...all, ...lan }],
      [node('networks', 'lan'), address('10.20.90.4/24')],
    ),
    change('nodes.<name>.networks', 'a NIC removed', [node('networks', 'dmz'), undefined]),
    change('nodes.<name>.networks', 'another address on a further network', [
      node('networks', 'dmz'),
      address('10.20.81.44/24'),
    ]),
    change('nodes.<name>.trunk', 'a trunk for Multus', [node('trunk'), { vlans: [62, 81] }]),
    change('networks.<network>.vlan', 'another VLAN', [['prox-ops:networks', 'dmz', 'vlan'], 82]),
    change('proxmox.trunkBridge', 'another bridge for further networks', [
      ['prox-ops:proxmox', 'trunkBridge'],
      'vmbr1',
    ]),
    change('proxmox.bridge', 'another bridge for the cluster', [['prox-ops:proxmox', 'bridge'], 'vmbr0']),
    change('cluster.gateway', 'another gateway', [['prox-ops:cluster', 'gateway'], address('10.20.66.2')]),
    change('cluster.nameservers', 'another name server', [['prox-ops:cluster', 'nameservers'], ['9.9.9.9']]),
    change('cluster.timeServers', 'another time server', [['prox-ops:cluster', 'timeServers'], ['162.159.200.1']]),
    {
      ...change('cluster.vip', 'another virtual address', [['prox-ops:cluster', 'vip'], address('10.20.67.21')]),
      notMade: 'every client of the API has to be told; the preview alone was looked at',
    },
  ];
}

function machine(): ConfigChange[] {
  return [
    change('nodes.<name>.labels', 'a node label', [node('labels'), { rack: 'two' }]),
    change('nodes.<name>.taints', 'a node taint', [node('taints'), { dedicated: 'storage:NoSchedule' }]),
    change('talos.registryMirrors', 'a registry mirror', [
      talos('registryMirrors'),
      { 'mirror.test': ['http://10.0.0.1:5000'] },
    ]),
    change('talos.kubelet.extraArgs', 'an argument of the kubelet', [
      talos('kubelet'),
      { extraArgs: { 'max-pods': '200' } },
    ]),
    change('talos.kernelModules', 'a kernel module', [talos('kernelModules'), [{ name: 'nbd' }]]),
    change('talos.patches.cluster', 'a patch that Talos takes over as it runs (`machine.sysctls`)', [
      talos('patches', 'cluster'),
      patch({ sysctls: { 'vm.max_map_count': '262144' } }),
    ]),
    change('talos.patches.gpu', 'the same for nodes with a GPU', [
      talos('patches', 'gpu'),
      patch({ sysctls: { 'net.core.bpf_jit_harden': '1' } }),
    ]),
    change('talos.patches.cluster', 'a patch that Talos takes over with a reboot (`machine.env`)', [
      talos('patches', 'cluster'),
      patch({ env: { GRPC_GO_LOG_SEVERITY_LEVEL: 'warning' } }),
    ]),
    change('nodes.<name>.patches', 'the same for one node', [
      node('patches'),
      patch({ udev: { rules: ['SUBSYSTEM=="drm"'] } }),
    ]),
    change('talos.kernelArgs', 'a kernel argument', [talos('kernelArgs'), { gpu: ['iommu=pt'] }]),
    change('talos.extensions', 'a system extension', [
      talos('extensions', 'standard'),
      ['siderolabs/drbd', 'siderolabs/iscsi-tools', 'siderolabs/qemu-guest-agent'],
    ]),
    change('talos.extensions', 'their order alone', [
      talos('extensions', 'standard'),
      ['siderolabs/qemu-guest-agent', 'siderolabs/drbd'],
    ]),
    change('cluster.cni', 'another CNI', [['prox-ops:cluster', 'cni'], 'flannel']),
  ];
}

function identity(address: (production: string) => string): ConfigChange[] {
  return [
    change('nodes.<name>.vmId', 'another VM id', [node('vmId'), 8050]),
    change('nodes.<name>.uuid', 'another SMBIOS UUID', [node('uuid'), '6f7f3a52-9d4b-4c0e-8a55-3c1f0f0f0f0f']),
    change('nodes.<name>.mac', 'another MAC of the first NIC', [node('mac'), 'BC:24:11:00:00:01']),
    change('nodes.<name>.macs', 'another MAC of a further NIC', [node('macs'), { iot: 'BC:24:11:00:00:02' }]),
    change('cluster.name', 'another name of the cluster', [['prox-ops:cluster', 'name'], 'other']),
    change('nodes', 'a node added', [
      ['prox-ops:nodes', 'k8s-work-20'],
      { role: 'worker', vmId: 8020, host: 'baldar', address: address('10.20.67.50') },
    ]),
    change('nodes', 'a node removed', [['prox-ops:nodes', WORKER], undefined]),
  ];
}

const PROGRAM = [
  change('rollout', 'timeouts, attempts', [['prox-ops:rollout', 'drainTimeout'], 400]),
  change('rollout.rollback', 'what only the driver reads', [['prox-ops:rollout', 'rollback'], 'manual']),
  change('linstor.evacuationTimeout', 'a timeout of the storage', [['prox-ops:linstor', 'evacuationTimeout'], 3600]),
  change('addons.driverAccess', 'no access for a driver inside the cluster', [
    ['prox-ops:addons', 'driverAccess'],
    false,
  ]),
  change('proxmox.hosts', 'a Proxmox host appended', [
    ['prox-ops:proxmox', 'hosts', '4'],
    {
      name: 'freya',
      memory: 262144,
      cores: 96,
      bridges: ['vmbr0', 'vmbr1'],
      storages: ['vms-ceph', 'local', 'local-lvm'],
    },
  ]),
];

/**
 * Changes in as few groups as keep apart what is about the same place: within a group all of them can be made at once. In
 * their order.
 */
export function together(changes: ConfigChange[]): ConfigChange[][] {
  const groups: ConfigChange[][] = [];
  for (const one of changes) {
    const group = groups.find((members) => members.every((member) => !overlap(one, member)));
    if (group) group.push(one);
    else groups.push([one]);
  }
  return groups;
}

function overlap(left: ConfigChange, right: ConfigChange): boolean {
  return left.edits.some(([path]) => right.edits.some(([other]) => isWithin(path, other) || isWithin(other, path)));
}

function isWithin(path: string[], other: string[]): boolean {
  return other.every((key, index) => path[index] === key);
}

/** Makes a change in a stack file's document. */
export function applyChange(document: Document, { edits }: ConfigChange): void {
  for (const [path, value] of edits) {
    if (value === undefined) document.deleteIn(['config', ...path]);
    else document.setIn(['config', ...path], document.createNode(value));
  }
}
