import type { Inventory, PciDevice, ProxmoxHost } from '../world/inventory.js';
import type { LabNetwork } from '../world/network.js';

const GIB = 2 ** 30;

/** The four hypervisors of the production cluster (R004-0), at their lab addresses. */
export function productionInventory(network: LabNetwork): Inventory {
  const host = (name: string, last: number, pci: PciDevice[] = []): ProxmoxHost => ({
    name,
    address: network.map(`10.20.66.${last}`),
    cores: 96,
    memory: 256 * GIB,
    bridges: ['vmbr0', 'vmbr1'],
    pci,
  });
  return {
    hosts: [host('baldar', 10), host('heimdall', 11, [RTX_A5000]), host('odin', 12), host('thor', 13, [RTX_A2000])],
    storages: [
      { name: 'vms-ceph', type: 'rbd', shared: true, content: ['images'], capacity: 17_000 * GIB },
      {
        name: 'local',
        type: 'dir',
        shared: false,
        content: ['import', 'iso', 'vztmpl', 'snippets'],
        capacity: 400 * GIB,
      },
      { name: 'local-lvm', type: 'lvmthin', shared: false, content: ['images'], capacity: 1_800 * GIB },
    ],
  };
}

const RTX_A5000: PciDevice = {
  path: '0000:01:00.0',
  id: '10de:2231',
  subsystemId: '10de:147e',
  iommuGroup: 14,
  description: 'NVIDIA RTX A5000',
  mapping: 'heimdall-gpu',
};

const RTX_A2000: PciDevice = {
  path: '0000:0a:00.0',
  id: '10de:2531',
  subsystemId: '10de:151d',
  iommuGroup: 21,
  description: 'NVIDIA RTX A2000',
  mapping: 'thor-gpu',
};
