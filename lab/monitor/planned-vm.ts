import type { Recorded } from '../world/events.js';
import type { Fleet, PlannedNode, WatchedVm } from './fleet.js';
import type { Report } from './verdict.js';

type Touch = Extract<Recorded, { type: 'vm.stop-requested' | 'vm.deleted' }>;

/**
 * I5: only the planned VM of a known node is stopped or deleted: the same id, name, SMBIOS UUID and incarnation. A VM
 * that an API made after the arming under an id and a name that nobody else has (a template in the making, a new node
 * that never came up) may be removed again by who made it.
 */
export class PlannedVmRule {
  constructor(
    private readonly fleet: Fleet,
    private readonly report: Report,
  ) {}

  /** To be called while the fleet still knows the VM. */
  check(event: Recorded): void {
    if (event.type !== 'vm.stop-requested' && event.type !== 'vm.deleted') return;
    const vm = this.fleet.vm(event.vmid);
    if (vm?.template || (event.type === 'vm.deleted' && event.template)) return;
    const problem = this.problem(event, vm);
    if (problem === undefined) return;
    const planned = this.fleet.nodeOfVm(event.name) ?? this.fleet.owner(event.vmid) ?? null;
    const deed = event.type === 'vm.deleted' ? 'deleted' : `asked to stop (${event.how})`;
    this.report('I5', `VM ${event.vmid} '${event.name}' was ${deed}: ${problem}`, { event, planned, vm: vm ?? null });
  }

  private problem(event: Touch, vm: WatchedVm | undefined): string | undefined {
    const node = this.fleet.nodeOfVm(event.name);
    const owner = this.fleet.owner(event.vmid);
    if (owner && owner !== node) return `the id is planned for ${owner.name}, the VM is another machine`;
    if (!node) return vm?.late ? undefined : 'it is no node of the plan';
    if (node.vmid !== event.vmid) return `${node.name} is planned as VM ${node.vmid}`;
    if (vm && vm.generation !== event.generation) return `incarnation ${vm.generation} is current`;
    return event.type === 'vm.deleted' ? wrongUuid(event.uuid, node, vm) : undefined;
  }
}

/** A clone has a UUID of its own until it is configured, so a half-made VM may still carry that one. */
function wrongUuid(uuid: string, node: PlannedNode, vm: WatchedVm | undefined): string | undefined {
  const fits = [node.uuid, vm?.uuid].some((expected) => expected?.toLowerCase() === uuid.toLowerCase());
  return fits ? undefined : `expected SMBIOS UUID ${node.uuid}, found ${uuid}`;
}
