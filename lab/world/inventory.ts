/** The hypervisors and what they have, as the emulated Proxmox cluster starts out. */
export interface Inventory {
  hosts: ProxmoxHost[];
  storages: ProxmoxStorage[];
}

export interface ProxmoxHost {
  name: string;
  /** Address in the lab. */
  address: string;
  cores: number;
  /** Bytes. */
  memory: number;
  bridges: string[];
  pci: PciDevice[];
}

export interface PciDevice {
  /** 0000:01:00.0 */
  path: string;
  /** vendor:device, 10de:2531 */
  id: string;
  subsystemId: string;
  iommuGroup: number;
  description: string;
  /** The name of the PCI mapping that exists for it from the start. */
  mapping: string;
}

export interface ProxmoxStorage {
  name: string;
  type: 'rbd' | 'dir' | 'lvmthin';
  shared: boolean;
  /** Host names; every host when absent. */
  hosts?: string[];
  content: ('images' | 'import' | 'iso' | 'vztmpl' | 'snippets' | 'backup')[];
  /** Bytes. */
  capacity: number;
}
