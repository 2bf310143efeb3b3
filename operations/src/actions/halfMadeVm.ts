import { ProxmoxClient } from '../clients/proxmox.js';
import { ProxmoxWriter } from '../clients/proxmoxWriter.js';
import type { Clock } from '../contract.js';

export interface HalfMadeVm {
  /** https://host:8006 */
  endpoint: string;
  /** USER@REALM!ID=UUID */
  token: string;
  vmId: number;
  /** The name that the interrupted run was giving it. */
  name: string;
}

interface Row {
  vmid: number;
  node: string;
  type: string;
  name?: string;
}

/** The VM under that id belongs to somebody else. */
export class ForeignVmError extends Error {}

/**
 * Removes a VM that a killed run left half made. The caller has to have proved from the state that this run was making
 * it and that the one before it was deleted; here its name has to fit as well.
 * @returns what was done, for the log.
 * @throws ForeignVmError when another machine has the id: nothing is touched.
 */
export async function removeHalfMadeVm(vm: HalfMadeVm, clock: Clock): Promise<string> {
  const api = new ProxmoxWriter(vm.endpoint, vm.token, clock);
  const rows = await api.call<Row[]>('GET', '/cluster/resources?type=vm');
  const row = rows.find((candidate) => candidate.vmid === vm.vmId && candidate.type === 'qemu');
  if (!row) return `VM ${vm.vmId} (${vm.name}) had not been made yet`;
  if (row.name !== vm.name)
    throw new ForeignVmError(
      `VM ${vm.vmId} on ${row.node}: expected the half-made ${vm.name}, found ${row.name ?? 'a VM without a name'}, ` +
        `which is not ours. Nothing was changed. Free the id, then: prox-ops roll`,
    );
  const path = `/nodes/${row.node}/qemu/${vm.vmId}`;
  await api.untilUnlocked(path);
  const { status } = await api.call<{ status: string }>('GET', `${path}/status/current`);
  if (status !== 'stopped') await api.task(row.node, 'POST', `${path}/status/stop`);
  await api.task(row.node, 'DELETE', `${path}?purge=1&destroy-unreferenced-disks=1`);
  return `removed VM ${vm.vmId} (${vm.name}) on ${row.node}, which a killed run had left half made`;
}

/**
 * Whether a VM with this id and name is there. Its host is asked, too: the cluster's listing leaves out the names of guests
 * on a host that is offline, and such a VM would look gone.
 * @throws ProxmoxError when Proxmox or the VM's host does not answer: unknown is not gone.
 */
export async function vmExists({ endpoint, token, vmId, name }: HalfMadeVm): Promise<boolean> {
  const found = await new ProxmoxClient(endpoint, token).vm(vmId);
  return found?.name === name;
}

/**
 * Whether the VM was cloned and never configured: it has the name, which the clone gives it, and not the planned SMBIOS
 * UUID, which comes with its configuration. Such a machine has never run as the node.
 * @throws ProxmoxError when Proxmox or the VM's host does not answer.
 */
export async function isUnconfigured(vm: HalfMadeVm & { uuid: string }): Promise<boolean> {
  const found = await new ProxmoxClient(vm.endpoint, vm.token).vm(vm.vmId);
  return found?.name === vm.name && found.uuid !== vm.uuid.toLowerCase();
}
