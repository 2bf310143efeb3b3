import type { Settings } from '../contract.js';
import type { KubernetesPart } from '../kubernetesInPlace.js';

/** A node's turn as it is planned. */
export interface TurnRequest {
  name: string;
  role: 'controlplane' | 'worker';
  vmId: number;
  /** Name of the VM that stands, where it is not the node's: an adopted one keeps its own until it is replaced. */
  vmName?: string;
  /** Absent for a node that the stack file has no more. */
  address?: string;
  host?: string;
  /**
   * replace: its VM goes and comes. finish: an interrupted turn goes on. add, remove: it comes or leaves for good.
   * kubernetes: the machine runs on and gets another Kubernetes, `part` by part.
   */
  action: 'replace' | 'finish' | 'add' | 'remove' | 'kubernetes';
  part?: KubernetesPart;
  from?: string;
  /** What it shall run; absent when it leaves for good. */
  release?: { talos: string; kubernetes: string };
  template?: { vmId: number; name: string; host: string };
  /** The VM as it shall be, in MiB and GiB. */
  hardware: { memory: number; disks: { storage: string; size: number }[] };
  /** PCI mappings by name. */
  pci: string[];
}

/** A template or image that is made before the first turn. */
export interface PreparedTemplate {
  vmId: number;
  name: string;
  host: string;
  /** GiB */
  disk: { storage: string; size: number };
  imageStorage: string;
}

export interface PreflightRequest {
  /** In the order of their turns. */
  turns: TurnRequest[];
  prepare: PreparedTemplate[];
  settings: Settings;
  /** Further arguments of every kubelet, by name. */
  kubeletArgs?: Record<string, string>;
  /** Namespace and label selector of LINSTOR's controller. */
  linstorController?: { namespace: string; selector: string };
}
