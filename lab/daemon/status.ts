import type { Composition } from './compose.js';
import type { LabRecord } from './record.js';
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
  /** Parts of the lab itself that failed, which is no emulated fault; oldest first. */
  failures: { part: string; message: string }[];
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

export function labStatus(record: LabRecord, parts: Composition): LabStatus {
  const { name, pid, base, dir: directory, started } = record;
  const { world, board, monitor, kubernetes } = parts;
  const vms = board.vms().map((vm) => asConfigured(vm, parts));
  const machines = board.machines();
  const { armed, holds, complete, invariants } = monitor.current();
  return {
    name,
    pid,
    base,
    directory,
    started,
    hosts: world.inventory.hosts.map((host) => ({
      name: host.name,
      address: host.address,
      online: !world.faults.has('host-offline', host.name),
      vms: vms.filter((vm) => vm.host === host.name).length,
    })),
    vms,
    machines,
    etcd: board.etcd(),
    kubernetes: {
      reachable: board.kubernetesReachable,
      nodes: machines.map(({ node }) => ({ name: node, ready: kubernetes.nodeReady(node) })),
    },
    linstor: board.linstor(),
    faults: world.faults.list(),
    failures: board.failures(),
    monitor: {
      armed,
      holds,
      complete,
      violations: invariants.reduce((sum, { violations }) => sum + violations.length, 0),
    },
  };
}

/** Its creation told what a VM was like then; it has been configured since, or made a template. */
function asConfigured(vm: LabStatus['vms'][number], { proxmox }: Composition): LabStatus['vms'][number] {
  const hardware = proxmox.hardware(vm.vmid);
  const template = proxmox.site.vms.find(vm.vmid)?.config.template === '1';
  return hardware ? { ...vm, name: hardware.name, host: hardware.host, uuid: hardware.uuid, template } : vm;
}
