import type { Recorded } from '../world/events.js';
import type { EtcdMember, LabStatus, MachineStatus } from './status.js';

type VmStatus = LabStatus['vms'][number];
type LinstorNode = LabStatus['linstor']['nodes'][number];

/** How the world stands, put together from its events alone. */
export class Board {
  private readonly vmById = new Map<number, VmStatus>();
  private readonly machineByVm = new Map<number, MachineStatus>();
  private readonly memberById = new Map<string, EtcdMember>();
  private readonly linstorByName = new Map<string, LinstorNode>();
  private readonly replicas = new Map<string, string>();
  private readonly failed: LabStatus['failures'] = [];
  private faultyResources: string[] = [];
  private quorum = false;
  private apiReachable = false;

  vms(): VmStatus[] {
    return [...this.vmById.values()].sort((a, b) => a.vmid - b.vmid);
  }

  machines(): MachineStatus[] {
    return [...this.machineByVm.values()].sort((a, b) => a.vmid - b.vmid);
  }

  etcd(): LabStatus['etcd'] {
    return { quorum: this.quorum, members: [...this.memberById.values()] };
  }

  linstor(): LabStatus['linstor'] {
    const resources = new Set(this.replicas.values()).size;
    return { nodes: [...this.linstorByName.values()], resources, faulty: this.faultyResources };
  }

  failures(): LabStatus['failures'] {
    return [...this.failed];
  }

  get kubernetesReachable(): boolean {
    return this.apiReachable;
  }

  apply(event: Recorded): void {
    switch (event.type) {
      case 'vm.created':
      case 'vm.started':
      case 'vm.stopped':
      case 'vm.deleted':
        this.vm(event);
        break;
      case 'machine.stage':
      case 'machine.running':
      case 'machine.down':
        this.machine(event);
        break;
      case 'etcd.member':
      case 'etcd.leader':
      case 'etcd.quorum':
        this.etcdChange(event);
        break;
      case 'linstor.node':
      case 'linstor.replica':
      case 'linstor.faulty':
        this.linstorChange(event);
        break;
      case 'lab.failure':
        this.failed.push({ part: event.part, message: event.message });
        break;
      case 'kubernetes.api':
        this.apiReachable = event.reachable;
        break;
      default:
      // The other events change nothing that is shown.
    }
  }

  private vm(event: Extract<Recorded, { type: 'vm.created' | 'vm.started' | 'vm.stopped' | 'vm.deleted' }>): void {
    const vm = this.vmById.get(event.vmid);
    if (event.type === 'vm.created') {
      const { vmid, name, host, uuid, template } = event;
      this.vmById.set(vmid, { vmid, name, host, uuid, template, running: false });
    } else if (event.type === 'vm.deleted') {
      this.vmById.delete(event.vmid);
      this.machineByVm.delete(event.vmid);
    } else if (vm) {
      vm.running = event.type === 'vm.started';
    }
  }

  private machine(event: Extract<Recorded, { type: 'machine.stage' | 'machine.running' | 'machine.down' }>): void {
    const { vmid, node, address } = event;
    const before = this.machineByVm.get(vmid) ?? { role: '', talos: '', kubelet: '', stage: '' };
    const machine = { ...before, node, vmid, address };
    if (event.type === 'machine.stage') machine.stage = event.stage;
    else if (event.type === 'machine.down') machine.stage = 'off';
    else
      Object.assign(machine, { stage: 'running', role: event.role, talos: event.talosVersion, kubelet: event.kubelet });
    this.machineByVm.set(vmid, machine);
  }

  private etcdChange(event: Extract<Recorded, { type: 'etcd.member' | 'etcd.leader' | 'etcd.quorum' }>): void {
    if (event.type === 'etcd.quorum') this.quorum = event.has;
    else if (event.type === 'etcd.member') this.member(event);
    else for (const member of this.memberById.values()) member.leader = member.id === event.id;
  }

  private member({ change, id, node, learners }: Extract<Recorded, { type: 'etcd.member' }>): void {
    const fresh: EtcdMember = { id, node, role: learners > 0 ? 'learner' : 'voter', up: learners === 0, leader: false };
    const member = this.memberById.get(id) ?? fresh;
    if (change === 'promoted') member.role = 'voter';
    if (change === 'started' || change === 'stopped') member.up = change === 'started';
    if (change === 'removed') this.memberById.delete(id);
    else this.memberById.set(id, member);
  }

  private linstorChange(
    event: Extract<Recorded, { type: 'linstor.node' | 'linstor.replica' | 'linstor.faulty' }>,
  ): void {
    if (event.type === 'linstor.faulty') {
      this.faultyResources = [...event.resources];
    } else if (event.type === 'linstor.node' && event.status === 'DELETED') {
      this.linstorByName.delete(event.node);
    } else if (event.type === 'linstor.node') {
      this.linstorByName.set(event.node, { name: event.node, status: event.status, flags: [...event.flags] });
    } else if (event.change === 'deleted') {
      this.replicas.delete(`${event.resource} ${event.node}`);
    } else {
      this.replicas.set(`${event.resource} ${event.node}`, event.resource);
    }
  }
}
