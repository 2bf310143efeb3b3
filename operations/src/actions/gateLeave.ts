import { batchOf } from '../batch.js';
import { faults, guardedReplicas } from '../checks/linstorRules.js';
import { Stop } from '../runtime/errors.js';
import type { Step } from '../step.js';
import { readNode } from './cordon.js';
import { guardedLinstor, listed, reach, reachTimeout } from './linstorGuard.js';
import { heldTurn } from './turn.js';

/**
 * The last look before the VM is deleted: the machine under its id must be the one that was planned, for Proxmox and for
 * Kubernetes, and hold no replica. @throws Stop when it is another one, when it holds one, or when that cannot be known.
 */
export async function lookBeforeDelete(step: Step): Promise<void> {
  await heldTurn(step);
  const vm = await plannedVm(step);
  const node = await readNode(step);
  const uuid = node?.status?.nodeInfo?.systemUUID?.toLowerCase();
  if (uuid !== undefined && uuid !== step.node.uuid.toLowerCase()) {
    throw mismatch(step, `Kubernetes node ${step.node.name} on the machine ${step.node.uuid}`, `it runs on ${uuid}`);
  }
  if (vm) await holdsNoReplica(step);
  step.report(vm ? 'VM and Kubernetes node are the planned ones: the VM may go' : 'its VM is gone already');
}

/**
 * The evacuation has seen to that in a turn that runs from its start. A rollback after a join that failed while LINSTOR
 * was restoring has no evacuation to run again: this is what keeps it from deleting replicas that have come back.
 */
async function holdsNoReplica(step: Step): Promise<void> {
  const linstor = guardedLinstor(step);
  if (!linstor) return;
  const { name } = step.node;
  const resources = await reach(step, reachTimeout(step), () => linstor.resources());
  // Its mates go at the same moment: whatever is wrong now would be worse without them.
  const wrong = batchOf(step).length > 0 ? faults(resources) : [];
  if (wrong.length > 0) throw new Stop('nothing faulty in LINSTOR while several VMs go', listed(wrong));
  const held = guardedReplicas(resources, name, step.settings.linstorStoragePool);
  if (held.length === 0) return;
  const next = `npx prox-ops roll, which finishes the join; the node can be evacuated and replaced after that`;
  throw new Stop(`no replica left on ${name}`, listed(held.map((replica) => replica.name)), next);
}

/** @returns false when there is no such VM any more. */
export async function plannedVm(step: Step): Promise<boolean> {
  const { proxmox } = step.session;
  const { vmId, host, uuid } = step.node;
  const name = step.node.vmName ?? step.node.name;
  const vm = await proxmox.vm(vmId);
  if (!vm) {
    // A VM nobody lists may still be there on a host that does not answer.
    if (await proxmox.hostOnline(host)) return false;
    throw new Stop(`VM ${vmId} or an answer from its host ${host}`, `the VM is not listed and ${host} is not online`);
  }
  const wanted = `VM ${vmId} named ${name} on ${host} with UUID ${uuid.toLowerCase()}`;
  if (vm.name === name && vm.host === host && vm.uuid === uuid.toLowerCase()) return true;
  throw mismatch(step, wanted, `VM ${vmId} named ${vm.name} on ${vm.host} with UUID ${vm.uuid || '(none)'}`);
}

function mismatch(step: Step, expected: string, found: string): Stop {
  const next = `find out whose machine that is; npx prox-ops abort brings ${step.node.name} back as it was`;
  return new Stop(expected, found, next);
}
