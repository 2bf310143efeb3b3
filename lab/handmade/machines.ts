import { stringify } from 'yaml';
import type { Composition } from '../daemon/compose.js';
import type { HandmadeNode, HandmadeSpec, HandmadeTemplate } from './spec.js';

const STORAGE = 'vms-ceph';
const DATA_STORAGE = 'local-lvm';

type Parts = Pick<Composition, 'proxmox' | 'images'>;

/** The schematics' ids, after somebody has sent them to the factory. */
export function registerSchematics(
  { images }: Parts,
  { extensions }: HandmadeSpec,
): Record<'standard' | 'gpu', string> {
  const register = (officialExtensions: string[]): string =>
    images.register(stringify({ customization: { systemExtensions: { officialExtensions } } }));
  return { standard: register(extensions.standard), gpu: register(extensions.gpu) };
}

/** A template as `qm create` and `qm template` make it from an image that was copied to the host. */
export function makeTemplate({ proxmox }: Parts, template: HandmadeTemplate, image: string): void {
  proxmox.byHand.create({
    name: template.name,
    host: template.host,
    vmid: template.vmid,
    options: {
      ...firmware,
      description: '<h2>Talos template</h2>\n\nmade by hand',
      scsi0: `${STORAGE}:0,import-from=local:${image},iothread=1,ssd=1,discard=on`,
      net0: 'virtio,bridge=vmbr1,firewall=1',
      memory: '2048',
      cores: '2',
      tags: 'talos',
      template: '1',
    },
  });
}

/** What the hand that made it likes, and the program does otherwise. */
const firmware = {
  machine: 'q35',
  bios: 'ovmf',
  efidisk0: `${STORAGE}:1,efitype=4m,pre-enrolled-keys=1`,
  tpmstate0: `${STORAGE}:1,version=v2.0`,
  scsihw: 'virtio-scsi-pci',
  boot: 'order=scsi0',
  ostype: 'l26',
  agent: 'enabled=1,fstrim_cloned_disks=1',
  serial0: 'socket',
  vga: 'serial0',
  numa: '1',
  cpu: 'host',
};

/** A node's VM, running. Proxmox makes its MACs and its SMBIOS UUID up. */
export function makeMachine({ proxmox }: Parts, spec: HandmadeSpec, node: HandmadeNode, image: string): void {
  const bits = spec.subnet.split('/')[1] ?? '24';
  const { networks = [], disk = 100, dataDisk, gpu } = node;
  const further = networks.map(({ vlan }, index): [string, string] => [
    `net${index + 1}`,
    `virtio,bridge=vmbr0,tag=${vlan},firewall=1`,
  ]);
  proxmox.byHand.create({
    name: node.vmName ?? node.name,
    host: node.host,
    vmid: node.vmid,
    options: {
      ...firmware,
      description: `<div align='center'>\n  <h2>Talos | ${node.name}</h2>\n</div>`,
      tags: [node.role === 'controlplane' ? 'controlplane' : 'worker', ...(gpu === undefined ? [] : ['gpu'])].join(';'),
      cores: String(node.cores ?? 4),
      memory: String(node.memory ?? 16_384),
      onboot: '1',
      scsi0: `${STORAGE}:0,import-from=local:${image},iothread=1,ssd=1,discard=on`,
      ...(dataDisk !== undefined && { scsi1: `${DATA_STORAGE}:${dataDisk},iothread=1,ssd=1,discard=on` }),
      net0: 'virtio,bridge=vmbr1,firewall=1',
      ...Object.fromEntries(further),
      ide2: `${STORAGE}:cloudinit`,
      ipconfig0: `ip=${node.address}/${bits},gw=${spec.gateway}`,
      ...(gpu !== undefined && { hostpci0: `mapping=${gpu},pcie=1,rombar=1,x-vga=0` }),
      ...node.options,
    },
  });
  proxmox.byHand.grow(node.vmid, 'scsi0', disk);
  proxmox.byHand.start(node.vmid);
}
