import type { Recorded } from '../world/events.js';
import type { NodeStatus } from './kubernetes.js';

/** One node of the plan: which VM is its own. */
export interface PlannedNode {
  name: string;
  /** The VM's name where it is another one: a cluster made by somebody else. */
  vmName?: string;
  role: 'controlplane' | 'worker';
  vmid: number;
  /** SMBIOS system UUID; stays the same for life. */
  uuid: string;
}

/** What a machine runs. */
export interface Release {
  talos: string;
  schematic: string;
  kubelet: string;
}

/** A VM as the world's events tell of it. */
export interface WatchedVm {
  vmid: number;
  name: string;
  generation: number;
  uuid: string;
  running: boolean;
  template: boolean;
  /** It came after the watch began, and by an API. */
  late: boolean;
}

/** A machine that left the stage 'running' without going down is still doing its work in these. */
const WORKING_STAGES = new Set(['running', 'upgrading']);

/**
 * The monitor's own picture of the nodes, from the world's events and Kubernetes' watches alone. A node is *known* from
 * the arming on, or from the first time it is available; it stops being known when its VM and its Kubernetes node are
 * both gone, because then it has left for good.
 */
export class Fleet {
  private readonly vms = new Map<number, WatchedVm>();
  private readonly machines = new Map<
    string,
    { up: boolean; stage: string; role: PlannedNode['role']; release: Release }
  >();
  private readonly kubernetes = new Map<string, NodeStatus>();
  private readonly plan = new Map<string, PlannedNode>();
  /** Nodes that left; one that comes back under its name is the same node again. */
  private readonly departed = new Map<string, PlannedNode>();
  /** Nodes whose VM somebody took away by hand, which is no deed of ours. */
  private readonly robbed = new Set<string>();
  private armed = false;

  arm(plan: readonly PlannedNode[]): void {
    this.armed = true;
    for (const vm of this.vms.values()) vm.late = false;
    for (const node of plan) this.plan.set(node.name, node);
  }

  disarm(): void {
    this.armed = false;
    this.plan.clear();
    this.departed.clear();
  }

  /** What Kubernetes told before was of another cluster. */
  forgetKubernetes(): void {
    this.kubernetes.clear();
  }

  known(): PlannedNode[] {
    return [...this.plan.values()];
  }

  node(name: string): PlannedNode | undefined {
    return this.plan.get(name);
  }

  /** The known node whose VM may have this name. */
  nodeOfVm(vmName: string): PlannedNode | undefined {
    return this.known().find((node) => isNameOf(vmName, node));
  }

  /** The known node that owns a VM id. */
  owner(vmid: number): PlannedNode | undefined {
    return this.known().find((node) => node.vmid === vmid);
  }

  vm(vmid: number): WatchedVm | undefined {
    return this.vms.get(vmid);
  }

  release(name: string): Release | undefined {
    return this.machines.get(name)?.release;
  }

  /** Somebody took the node's VM away by hand. */
  wasRobbed(name: string): boolean {
    return this.robbed.has(name);
  }

  /** Why the node does no work for the cluster now; empty when it does. */
  reasons(name: string): string[] {
    const reasons: string[] = [];
    const planned = this.plan.get(name);
    const vm = this.vms.get(planned?.vmid ?? -1);
    if (!vm || !isNameOf(vm.name, planned ?? { name })) reasons.push('no VM');
    else if (!vm.running) reasons.push('VM stopped');
    const machine = this.machines.get(name);
    if (machine?.up !== true) reasons.push(`machine ${machine?.stage ?? 'unknown'}`);
    const status = this.kubernetes.get(name);
    if (status === undefined) reasons.push('no Kubernetes node');
    else reasons.push(...kubernetesReasons(status));
    return reasons;
  }

  /** To be called before the rules look at the event. */
  apply(event: Recorded): void {
    switch (event.type) {
      case 'vm.created':
        this.vms.set(event.vmid, { ...pick(event), running: false, late: this.armed && !isByHand(event) });
        this.noteReturn(event.name, event.vmid);
        break;
      case 'vm.started':
        this.power(event.vmid, true);
        break;
      case 'vm.stopped':
        this.power(event.vmid, false);
        if (isByHand(event)) this.robbed.add(this.nameOf(event.name));
        break;
      case 'vm.deleted':
        this.vmDeleted(event);
        break;
      default:
        this.applyMachine(event);
    }
  }

  applyNode(name: string, status: NodeStatus | undefined): void {
    if (status === undefined) this.kubernetes.delete(name);
    else this.kubernetes.set(name, status);
    this.noteArrival(name);
    this.forgetIfGone(name);
  }

  private applyMachine(event: Recorded): void {
    switch (event.type) {
      case 'machine.running': {
        const release = { talos: event.talosVersion, schematic: event.schematic, kubelet: event.kubelet };
        this.machines.set(event.node, { up: true, stage: 'running', role: event.role, release });
        this.noteArrival(event.node);
        break;
      }
      case 'machine.stage':
        this.stage(event.node, event.stage, WORKING_STAGES.has(event.stage));
        break;
      case 'machine.down':
        this.stage(event.node, 'off', false);
        break;
      default:
      // The other events are not about machines.
    }
  }

  private stage(node: string, stage: string, working: boolean): void {
    const machine = this.machines.get(node);
    if (machine) this.machines.set(node, { ...machine, stage, up: working && (machine.up || stage === 'running') });
  }

  private power(vmid: number, running: boolean): void {
    const vm = this.vms.get(vmid);
    if (vm) vm.running = running;
  }

  private vmDeleted(event: Extract<Recorded, { type: 'vm.deleted' }>): void {
    const name = this.nameOf(event.name);
    if (isByHand(event)) this.robbed.add(name);
    if (this.vms.get(event.vmid)?.generation === event.generation) this.vms.delete(event.vmid);
    this.forgetIfGone(name);
  }

  /** The node's name behind a VM's. */
  private nameOf(vmName: string): string {
    return this.nodeOfVm(vmName)?.name ?? vmName;
  }

  /** A node that came after the arming becomes known once it does its work; from then on it counts. */
  private noteArrival(name: string): void {
    if (!this.armed) return;
    const planned = this.plan.get(name) ?? { name };
    const vm = [...this.vms.values()].find((candidate) => isNameOf(candidate.name, planned) && candidate.running);
    const machine = this.machines.get(name);
    const status = this.kubernetes.get(name);
    if (!vm || machine?.up !== true || status?.ready !== true || status.cordoned) return;
    this.robbed.delete(name);
    if (!this.plan.has(name)) this.plan.set(name, { name, role: machine.role, vmid: vm.vmid, uuid: vm.uuid });
  }

  private forgetIfGone(name: string): void {
    const node = this.plan.get(name);
    const vm = node && this.vms.get(node.vmid);
    if (!node || this.kubernetes.has(name) || (vm && isNameOf(vm.name, node))) return;
    if (this.robbed.has(name)) return;
    this.plan.delete(name);
    this.departed.set(name, node);
  }

  private noteReturn(name: string, vmid: number): void {
    const node = this.departed.get(name);
    if (node?.vmid === vmid) this.plan.set(name, node);
  }
}

/** What somebody does at a host's own console, as faults do; no API of ours was asked. */
export function isByHand(event: Recorded): boolean {
  return 'by' in event && event.by === 'hand';
}

function kubernetesReasons({ ready, cordoned }: NodeStatus): string[] {
  return [...(ready ? [] : ['not Ready']), ...(cordoned ? ['cordoned'] : [])];
}

function pick({ vmid, name, generation, uuid, template }: Extract<Recorded, { type: 'vm.created' }>) {
  return { vmid, name, generation, uuid, template };
}

function isNameOf(vmName: string, node: Pick<PlannedNode, 'name' | 'vmName'>): boolean {
  return vmName === node.name || vmName === node.vmName;
}
