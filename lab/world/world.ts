import type { Clock } from './clock.js';
import type { Durations } from './durations.js';
import type { EventLog } from './events.js';
import type { Faults } from './faults.js';
import type { Inventory } from './inventory.js';
import type { LabNetwork } from './network.js';

/** What every emulator is given: one world ties them together. */
export interface World {
  readonly clock: Clock;
  readonly durations: Durations;
  readonly events: EventLog;
  readonly faults: Faults;
  readonly network: LabNetwork;
  readonly inventory: Inventory;
  /** A directory of this lab (mode 0700) for files of the emulators. */
  readonly directory: string;
  /** Aborted when the lab goes down; everything that waits stops then. */
  readonly signal: AbortSignal;
}

/** What is on a virtual disk. It dies with the disk, and survives reboots. */
export interface DiskContent {
  /** The Talos image the disk was imported from, when it is a system disk. */
  image?: { schematic: string; version: string };
  /** What the operating system keeps on it (machine configuration, etcd member, installed version); owned by lab/talos. */
  state: Record<string, unknown>;
}

export interface VirtualDisk {
  /** scsi0, scsi1 ... */
  slot: string;
  volid: string;
  bytes: number;
  content: DiskContent;
}

/** A VM as the hardware that its guest sees. Owned by lab/proxmox; others only read it. */
export interface Hardware {
  vmid: number;
  /** Counts incarnations over the whole lab: a VM deleted and made again under the same id has another one. */
  generation: number;
  name: string;
  host: string;
  /** SMBIOS system UUID. */
  uuid: string;
  nics: { slot: string; mac: string; bridge: string; tag?: number; trunks?: string }[];
  /** From cloud-init's ipconfigN: address in CIDR notation, gateway. Index = N. */
  ipConfigs: ({ address: string; gateway?: string } | undefined)[];
  disks: VirtualDisk[];
  /** Bytes. */
  memory: number;
  cores: number;
  /** Names of PCI mappings. */
  pci: string[];
}

/** lab/proxmox: the hypervisors. Power changes are announced as vm.started / vm.stopped / vm.deleted events. */
export interface Hypervisors {
  hardware(vmid: number): Hardware | undefined;
  running(vmid: number): boolean;
  /** The guest powers itself off or asks for a reset; a reset keeps the VM running and emits nothing but vm.stop-requested. */
  guestPowerOff(vmid: number): void;
  /** The guest agent's answer is needed for a shutdown to work: lab/talos registers its guests here. */
  onShutdown(handler: (vmid: number) => Promise<void>): void;
  /** Whether a guest agent answers in the VM: lab/talos tells. */
  onAgentPing(handler: (vmid: number) => boolean): void;
}

/** One operating system on one VM, as other emulators see it. Owned by lab/talos. */
export interface Machine {
  vmid: number;
  generation: number;
  /** Host name from the machine configuration; the VM's name before that. */
  node: string;
  address: string;
  role: 'controlplane' | 'worker';
  stage: string;
  talosVersion: string;
  schematic: string;
  /** Names of the schematic's extensions, e.g. siderolabs/drbd. */
  extensions: string[];
  /** Kubelet version from the configuration's image tag, e.g. v1.34.1. */
  kubelet: string;
  /** Version of the API server's image and of the other static pods'; empty on a worker. */
  staticPods: string;
  /** Node labels, annotations and taints from the configuration. */
  nodeLabels: Record<string, string>;
  nodeTaints: Record<string, string>;
  /** SMBIOS UUID, and the boot id of this boot. */
  uuid: string;
  bootId: string;
  hardware: Hardware;
}

/** lab/talos: operating systems and etcd membership. */
export interface Machines {
  byNode(node: string): Machine | undefined;
  running(): Machine[];
  /** True while a majority of etcd's voters live. */
  hasQuorum(): boolean;
  /** Control planes whose Kubernetes API server serves: running, with a started voter. */
  apiServers(): Machine[];
}

/** Everything a control plane's configuration says that the Kubernetes control plane needs. PEM texts. */
export interface ClusterPki {
  clusterName: string;
  /** e.g. https://127.20.67.20:6443 */
  endpoint: string;
  kubernetesVersion: string;
  ca: { crt: string; key: string };
  aggregatorCa: { crt: string; key: string };
  serviceAccountKey: string;
  podSubnets: string[];
  serviceSubnets: string[];
  /** Subject alternative names for the API server's certificate. */
  certSans: string[];
}

/** What etcd keeps under one key. */
export interface KeyValue {
  key: Buffer;
  value: Buffer;
}

/** lab/kubernetes: the real control plane and the kubelets' stand-ins. */
export interface Kubernetes {
  /**
   * Starts the real control plane (first control plane bootstrapped). Idempotent.
   * @param contents what etcd is to begin with, of a snapshot.
   */
  bootstrap(pki: ClusterPki, contents?: KeyValue[]): Promise<void>;
  /** All that is in etcd. */
  contents(): Promise<KeyValue[]>;
  /** A machine's kubelet registers or comes back; resolves when the Node is Ready (or a fault keeps it from it). */
  kubeletUp(machine: Machine): void;
  /** The kubelet is gone: no more heartbeats, its pods stay as the API server last saw them. */
  kubeletDown(node: string): void;
  /** Wipes the cluster's data: no etcd member is left anywhere. */
  wipe(): Promise<void>;
  /** A kubeconfig as Talos would hand it out: cluster's CA, a new client certificate for O=system:masters, CN=admin. */
  adminKubeconfig(): Promise<string>;
  nodeReady(node: string): boolean;
}

/** lab/linstor: the storage controller and its satellites. */
export interface Storage {
  /** The satellite of a node comes up with whatever its data disks hold. */
  satelliteUp(machine: Machine): void;
  satelliteDown(node: string): void;
  /** Whether a replica of any resource on the node is in use (Primary). Set by lab/kubernetes as pods with volumes run. */
  setInUse(resource: string, node: string, inUse: boolean): void;
  /** The database is gone: Piraeus keeps it in objects of Kubernetes, and it goes with them. */
  wipe(): void;
  /** The database is back with a snapshot of Kubernetes: as it was when it was lost, whatever the disks hold by now. */
  recover(): void;
}
