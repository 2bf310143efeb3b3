import type { ProxmoxClient, ProxmoxSite } from '@prox-ops/operations';
import { plain, type StateEntry } from '../adopt/deployment';
import { VM_TYPE } from '../state';

/** A VM or template of the state, as Proxmox has it. */
export interface Machine {
  urn: string;
  vmId: number;
  name: string;
  /** By the state. */
  host: string;
  template: boolean;
  /**
   * ours: it goes. gone: it is not there any more. foreign: another machine has its id. moved: it is ours and on another
   * host. unknown: its host does not answer.
   */
  found: 'ours' | 'gone' | 'foreign' | 'moved' | 'unknown';
  /** For people; says how it is known. */
  evidence: string;
}

type Inputs = { vmId?: number; name?: string; nodeName?: string; template?: boolean; smbios?: { uuid?: string } };

/** Looks at every VM of a state, by id, name and SMBIOS UUID. Reads only. */
export async function machinesOf(
  resources: StateEntry[],
  proxmox: ProxmoxClient,
  site: ProxmoxSite,
): Promise<Machine[]> {
  // A VM that the engine has deleted in the middle of a replacement is not there.
  const vms = resources.filter(({ type, pendingReplacement }) => type === VM_TYPE && pendingReplacement !== true);
  return Promise.all(vms.map((vm) => machineOf(vm, proxmox, site)));
}

async function machineOf(resource: StateEntry, proxmox: ProxmoxClient, site: ProxmoxSite): Promise<Machine> {
  const { vmId = 0, name = '', nodeName: host = '', template = false, smbios } = plain(resource.inputs) as Inputs;
  const machine = { urn: resource.urn, vmId, name, host, template };
  const guest = site.guests.find(({ vmid }) => vmid === vmId);
  // The cluster's listing is its memory: of a host that is offline it tells what was there.
  const where = site.hosts.find((known) => known.name === (guest?.host ?? host));
  if (where?.online !== true)
    return { ...machine, found: 'unknown', evidence: `${guest?.host ?? host} does not answer` };
  if (!guest) return { ...machine, ...(await missing(vmId, proxmox)) };
  const uuid = smbios?.uuid?.toLowerCase();
  try {
    const vm = await proxmox.vm(vmId);
    const found = `${vm?.name ?? guest.name} on ${vm?.host ?? guest.host}`;
    // An adopted VM may have no UUID in the state; a clone that was never configured has another one, and the name.
    const same = vm?.name === name && (template ? guest.template : uuid === undefined || vm.uuid === uuid);
    if (!same) return { ...machine, found: 'foreign', evidence: `expected ${name}${withUuid(uuid)}, found ${found}` };
    if (vm.host !== host)
      return { ...machine, found: 'moved', evidence: `the state has it on ${host}, found on ${vm.host}` };
    return { ...machine, found: 'ours', evidence: 'id, name and SMBIOS UUID fit' };
  } catch (error) {
    return { ...machine, found: 'unknown', evidence: error instanceof Error ? error.message : String(error) };
  }
}

function withUuid(uuid: string | undefined): string {
  return uuid === undefined ? '' : ` with SMBIOS UUID ${uuid}`;
}

/** What a token may not see is not in its listing; whether the id is free is answered all the same. */
async function missing(vmId: number, proxmox: ProxmoxClient): Promise<Pick<Machine, 'found' | 'evidence'>> {
  try {
    if (await proxmox.isIdFree(vmId)) return { found: 'gone', evidence: 'its host answers and the id is free' };
    return { found: 'foreign', evidence: 'the id is taken by a guest that the token may not see' };
  } catch (error) {
    return { found: 'unknown', evidence: error instanceof Error ? error.message : String(error) };
  }
}
