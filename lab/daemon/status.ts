import type { ActiveFault } from '../world/faults.js';

/** What `prox-ops lab status` shows; also what the lab's own API answers to GET /status. */
export interface LabStatus {
  name: string;
  pid: number;
  base: number;
  directory: string;
  /** ISO 8601. */
  started: string;
  hosts: { name: string; address: string; online: boolean; vms: number }[];
  vms: { vmid: number; name: string; host: string; running: boolean; template: boolean; uuid: string }[];
  machines: MachineStatus[];
  etcd: { quorum: boolean; members: EtcdMember[] };
  kubernetes: { reachable: boolean; nodes: { name: string; ready: boolean }[] };
  linstor: { nodes: { name: string; status: string; flags: string[] }[]; resources: number; faulty: string[] };
  faults: ActiveFault[];
  monitor: { armed: number | null; holds: boolean; complete: boolean; violations: number };
}

export interface MachineStatus {
  node: string;
  vmid: number;
  address: string;
  stage: string;
  /** Empty until it runs. */
  role: string;
  talos: string;
  kubelet: string;
}

export interface EtcdMember {
  id: string;
  node: string;
  role: 'voter' | 'learner';
  up: boolean;
  leader: boolean;
}
