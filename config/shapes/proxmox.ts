import { z } from 'zod';
import { text, url, vmId, whole } from './scalars';

const host = z.strictObject({
  name: text.describe('Name of the node in the Proxmox cluster.'),
  memory: whole(1).describe('Memory in MiB.'),
  cores: whole(1).describe('CPU threads, as Proxmox counts them.'),
  bridges: z.array(text).min(1).describe('Linux bridges of the host.'),
  storages: z.array(text).min(1).describe('Storages that the host has, shared ones included.'),
  pci: z.array(text).default([]).describe('PCI mappings that have a device on this host, by name.'),
});

export const proxmox = z
  .strictObject({
    endpoint: url('https').describe('API of any Proxmox host.'),
    hosts: z
      .array(host)
      .min(1)
      .describe('Proxmox hosts, in a fixed order: template ids count along it. Append, never insert.'),
    bridge: text.describe('Bridge of the first NIC of every node.'),
    trunkBridge: text.optional().describe('Bridge that carries the VLANs, for all further NICs.'),
    storage: text.describe('Storage of system disks and templates.'),
    dataStorage: text.describe('Storage of data disks, for LINSTOR.'),
    imageStorage: text.describe('Storage of imported images; needs the content type `import`.'),
    templateIds: z
      .strictObject({ a: vmId.describe('First id of slot a.'), b: vmId.describe('First id of slot b.') })
      .describe('First VM id of each template slot; a slot takes two ids a host.'),
    cpuType: text.default('host').describe('CPU type of every VM.'),
  })
  .describe('The Proxmox VE cluster.');

export type HostConfig = z.infer<typeof host>;
