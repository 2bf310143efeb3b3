import { ProxmoxClient, type ProxmoxRow } from '../clients/proxmox.js';
import { messageOf } from '../runtime/errors.js';

export interface ProxmoxAccess {
  /** https://host:8006 */
  endpoint: string;
  /** USER@REALM!ID=UUID */
  token: string;
}

/** A VM or template as the program describes it. */
export interface GuardedVm {
  vmId: number;
  name: string;
  host: string;
  template: boolean;
  /** Sizes in GiB. */
  disks: { interface: string; size: number }[];
  /** SMBIOS system UUID, when it is given. */
  uuid?: string;
}

/**
 * Right before a VM or template is made. The provider does not look: it takes the second "already exists" of its own
 * retries for success, and would reconfigure, resize and own the machine that has the id.
 * @throws Error naming whoever has the id. @throws ProxmoxError when Proxmox does not say.
 */
export async function assertIdIsFree(access: ProxmoxAccess, vm: GuardedVm): Promise<void> {
  const api = new ProxmoxClient(access.endpoint, access.token);
  if (await api.isIdFree(vm.vmId)) return;
  // The listing leaves out what the token may not see: that the id is taken stands, whose it is need not be known.
  const holder = (await api.list()).find((row) => row.vmid === vm.vmId);
  throw taken(vm, holder);
}

let listing: Promise<ProxmoxRow[]> | undefined;

/**
 * The same look in a preview, where the VM to be replaced still has its id. Asks Proxmox once a preview.
 * @returns what could not be known, for a warning. @throws Error when the id is somebody else's.
 */
export async function previewIdIsOurs(access: ProxmoxAccess, vm: GuardedVm): Promise<string | undefined> {
  listing ??= new ProxmoxClient(access.endpoint, access.token).list();
  let holder: ProxmoxRow | undefined;
  try {
    holder = (await listing).find((row) => row.vmid === vm.vmId);
  } catch (error) {
    return `whether VM id ${vm.vmId} is free for ${vm.name} is not known: ${messageOf(error)}`;
  }
  if (holder !== undefined && !isOurs(vm, holder) && !(await isSameMachine(access, vm))) throw taken(vm, holder);
  return undefined;
}

/** An adopted machine may have another name, and no other machine has its SMBIOS UUID. */
async function isSameMachine(
  { endpoint, token }: ProxmoxAccess,
  { vmId, uuid, template }: GuardedVm,
): Promise<boolean> {
  if (uuid === undefined || template) return false;
  const config = await new ProxmoxClient(endpoint, token).configOf(vmId);
  return uuidIn(config?.['smbios1']) === uuid.toLowerCase();
}

function uuidIn(smbios: unknown): string | undefined {
  return /(?:^|,)uuid=([0-9a-f-]+)/i.exec(textOf(smbios))?.[1]?.toLowerCase();
}

/** A host that is offline hides the names of its guests. */
function isOurs(vm: GuardedVm, holder: ProxmoxRow): boolean {
  if (holder.name === undefined) return true;
  if (!vm.template) return holder.name === vm.name;
  // A template of another release, which goes before this one comes.
  return holder.template === 1 && holder.name.startsWith('talos-');
}

function taken(vm: GuardedVm, holder: ProxmoxRow | undefined): Error {
  const who = holder
    ? `${holder.name ?? 'a machine without a name'} (${holder.type}${holder.status === undefined ? '' : `, ${holder.status}`}) on ${holder.node}`
    : 'a machine that the API token may not see';
  const next =
    holder?.name === vm.name
      ? 'It may be what a killed run left half made: npx prox-ops roll finds that out and goes on'
      : `Free the id, or give ${vm.name} another one in the stack file`;
  return new Error(
    `VM id ${vm.vmId}: expected it to be free for ${vm.name}, found ${who}. It was not touched. ${next}.`,
  );
}

/**
 * Right before a VM is changed in place. After a creation that failed half way the state holds what was wanted, not what
 * is there: the next update would start an unconfigured machine and call it done.
 * @throws Error naming what is missing. @throws ProxmoxError when Proxmox does not say.
 */
export async function assertWhole(access: ProxmoxAccess, vm: GuardedVm, urn: string): Promise<void> {
  const missing = await shortcomings(access, vm);
  if (missing.length === 0) return;
  throw new Error(
    `VM ${vm.vmId} (${vm.name}) was left half made by an earlier update: ${missing.join('; ')}. It was not started. ` +
      `Make it again with: npx prox-ops roll, or pulumi up --replace '${urn}'`,
  );
}

/** What a VM lacks of what its creation was to give it; nothing for a VM that is not there at all. */
export async function shortcomings(access: ProxmoxAccess, vm: GuardedVm): Promise<string[]> {
  const config = await new ProxmoxClient(access.endpoint, access.token).configOf(vm.vmId);
  if (!config) return [];
  const missing: string[] = [];
  if (vm.template && Number(config['template'] ?? 0) !== 1) missing.push('expected a template, found a machine');
  const uuid = uuidIn(config['smbios1']);
  if (vm.uuid !== undefined && uuid !== vm.uuid.toLowerCase())
    missing.push(`expected the UUID ${vm.uuid}, found ${uuid ?? 'none'}`);
  for (const disk of vm.disks) {
    const found = sizeIn(config[disk.interface]);
    if (found === undefined) missing.push(`expected the disk ${disk.interface}, found none`);
    else if (found < disk.size) missing.push(`expected ${disk.interface} of ${disk.size} GiB, found ${found} GiB`);
  }
  return missing;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const GIB = { K: 2 ** -20, M: 2 ** -10, G: 1, T: 2 ** 10 } as const;

/** GiB of a disk in a VM's configuration; a disk that does not say its size counts as large enough. */
function sizeIn(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /(?:^|,)size=(\d+(?:\.\d+)?)([KMGT])/.exec(value);
  return match ? Number(match[1]) * GIB[match[2] as keyof typeof GIB] : Infinity;
}
