import { z } from 'zod';
import {
  cidr,
  dnsLabel,
  flag,
  form,
  ipv4,
  mac,
  oneOf,
  quoted,
  role,
  slot,
  text,
  variant,
  vlanId,
  vmId,
  whole,
} from './scalars';
import { patches } from './talos';

const count = whole(1);
const memory = whole(2048);
const disk = whole(10);

const hardware = z.strictObject({
  cores: count.describe('CPU cores of each socket.'),
  sockets: count.default(1).describe('CPU sockets.'),
  memory: memory.describe('Memory in MiB.'),
  disk: disk.describe('System disk in GiB.'),
  dataDisk: whole(1).optional().describe('Data disk for LINSTOR in GiB. Absent: none.'),
});

const hardwareOverrides = z.strictObject({
  cores: count.optional().describe('CPU cores of each socket.'),
  sockets: count.optional().describe('CPU sockets.'),
  memory: memory.optional().describe('Memory in MiB.'),
  disk: disk.optional().describe('System disk in GiB.'),
  dataDisk: whole(0).optional().describe('Data disk for LINSTOR in GiB. 0: none on this node.'),
});

export const roles = z
  .strictObject({
    controlplane: hardware.describe('Hardware of control planes.'),
    worker: hardware.describe('Hardware of workers.'),
  })
  .describe('Hardware of each role.');

const startup = z.strictObject({
  order: whole(0).optional().describe('Lower starts first. Default: 1 control planes, 2 workers.'),
  upDelay: whole(0).optional().describe('Seconds to wait after this VM has started.'),
  downDelay: whole(0).optional().describe('Seconds to wait for this VM to shut down.'),
});

const trunk = z.strictObject({
  vlans: z.array(vlanId).default([]).describe('VLAN tags that the NIC carries. Empty: all of the bridge.'),
});

const tag = form(/^[a-z0-9_][a-z0-9_.+-]*$/, 'a Proxmox tag (lower-case letters, digits and _.+-)');

export const nodeShape = z.strictObject({
  role: role.describe('Control planes run etcd.'),
  vmId: vmId.describe('VM id in Proxmox, for life.'),
  host: text.describe('Proxmox host, by name. A change replaces the node.'),
  address: ipv4.describe('Address of the first NIC, in cluster.subnet.'),
  variant: variant.default('standard').describe('Which schematic the node is made from.'),
  pci: z
    .array(text)
    .max(16, { error: 'expected at most 16 PCI devices' })
    .default([])
    .describe('PCI mappings passed through, by name.'),
  networks: z.record(text, cidr).default({}).describe('Addresses on further networks, in CIDR notation.'),
  trunk: trunk.optional().describe('A last NIC without an address that carries VLANs tagged, for Multus.'),
  uuid: z
    .string()
    .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'expected a UUID in lower case')
    .optional()
    .describe('SMBIOS UUID of the VM. Default: made from the name.'),
  mac: mac.optional().describe('MAC address of the first NIC. Default: made from the name.'),
  macs: z
    .record(text, mac)
    .default({})
    .describe('MAC addresses of further NICs, by network; `trunk` for the trunk. Default: made from the name.'),
  release: slot.optional().describe('Overrides the active release slot, after a rollback of this node.'),
  hardware: hardwareOverrides.prefault({}).describe('What differs from the hardware of the role.'),
  bios: oneOf('seabios', 'ovmf').default('seabios').describe('Firmware; ovmf is UEFI.'),
  startup: startup.prefault({}).describe('When Proxmox starts the VM with its host.'),
  onBoot: flag.default(true).describe('Whether Proxmox starts the VM with its host.'),
  tags: z.array(tag).default([]).describe('Proxmox tags, beside those that every node has.'),
  labels: z.record(text, quoted).default({}).describe('Kubernetes node labels.'),
  taints: z.record(text, quoted).default({}).describe('Kubernetes node taints: `key: value:Effect`.'),
  patches: patches.describe('Patches of the machine configuration, after those of talos.patches.'),
});

export const nodes = z.record(dnsLabel, nodeShape).describe('The nodes, by name.');

export type NodeConfig = z.infer<typeof nodeShape>;
export type Hardware = z.infer<typeof hardware>;
