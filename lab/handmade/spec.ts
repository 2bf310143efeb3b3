/** A node of a cluster that somebody made without the program. */
export interface HandmadeNode {
  /** Host name and Kubernetes node name. */
  name: string;
  /** The VM's own name; the node's when absent. */
  vmName?: string;
  role: 'controlplane' | 'worker';
  vmid: number;
  host: string;
  address: string;
  cores?: number;
  /** MiB. */
  memory?: number;
  /** System disk in GiB. */
  disk?: number;
  /** Second disk in GiB, on the hosts' own storage. */
  dataDisk?: number;
  /** A PCI mapping that is passed through. */
  gpu?: string;
  /** Addresses in CIDR notation on further NICs, with their VLAN tags. */
  networks?: { vlan: number; address: string }[];
  labels?: Record<string, string>;
  /** More options of the VM, or other values for those that it has; as in a VM's configuration file. */
  options?: Record<string, string>;
}

export interface HandmadeTemplate {
  vmid: number;
  name: string;
  host: string;
  gpu?: boolean;
}

export interface HandmadeSpec {
  clusterName: string;
  vip: string;
  /** In CIDR notation. */
  subnet: string;
  gateway: string;
  talos: string;
  kubernetes: string;
  extensions: { standard: string[]; gpu: string[] };
  nodes: HandmadeNode[];
  templates: HandmadeTemplate[];
  /** Strategic merge patch (YAML) that every node's machine configuration has beside the usual. */
  patch?: string;
}
