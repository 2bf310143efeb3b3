import type { ProxmoxClient } from '@prox-ops/operations';
import { gatherGuests, type Guest } from './guests';
import { gatherVolumes, type Image, type StoredFile } from './volumes';

/** A name for PCI devices, each on its host. */
export interface Mapping {
  id: string;
  /** `host path`, one a device. */
  devices: string[];
  /** What its host says is wrong with a device, `host: message`. */
  problems: string[];
}

/** Everything on Proxmox that may own something. What could not be read is in `unknown`, and then nothing is provably unowned. */
export interface Evidence {
  /** Disk images. */
  images: Image[];
  /** Snippets and images to boot or import from. */
  files: StoredFile[];
  /** Ids of guests, of the cluster's listing and of each host's own, each with who lists it. */
  guests: Map<number, string>;
  /** What the hosts tell of their guests. */
  machines: Guest[];
  /** Volumes that a guest's configuration or one of its snapshots names, with that guest. */
  attached: Map<string, string>;
  /** Base images of linked clones. */
  bases: Set<string>;
  /** Ids that replication and backup jobs name. */
  jobs: Map<number, string>;
  /** PCI mappings that the token may see. */
  mappings: Mapping[];
  /** Sources that did not answer, each with what was found. */
  unknown: string[];
}

export interface Row {
  vmid?: number;
  node?: string;
  type?: string;
  status?: string;
  name?: string;
  template?: number;
}

/** Before anybody was asked. */
export function noEvidence(): Evidence {
  return {
    images: [],
    files: [],
    guests: new Map(),
    machines: [],
    attached: new Map(),
    bases: new Set(),
    jobs: new Map(),
    mappings: [],
    unknown: [],
  };
}

/** Asks the cluster, every host, every guest and every job. Reads only; never throws. */
export async function gather(proxmox: ProxmoxClient): Promise<Evidence> {
  const found = noEvidence();
  const rows = await ask(found, 'the cluster', () => proxmox.get<Row[]>('/cluster/resources'));
  const hosts = (rows ?? []).filter(({ type }) => type === 'node');
  noteGuests(found, 'the cluster', rows ?? []);
  await Promise.all([
    ask(found, 'the token', () => mustSeeEveryGuest(proxmox)),
    ...hosts.map((row) => gatherHost(found, proxmox, row)),
    jobs(found, proxmox, '/cluster/replication', (job: { guest?: number }) => [job.guest]),
    jobs(found, proxmox, '/cluster/backup', (job: { vmid?: string }) => (job.vmid ?? '').split(',').map(Number)),
  ]);
  return found;
}

/** Proxmox leaves out what a token may not see: a guest that is hidden may own anything. */
async function mustSeeEveryGuest(proxmox: ProxmoxClient): Promise<void> {
  const path = '/access/permissions?path=/vms';
  const privileges = (await proxmox.get<Record<string, Record<string, number> | undefined>>(path))['/vms'];
  // 1: it holds for what is below the path as well.
  if (privileges?.['VM.Audit'] === 1) return;
  throw new Error('expected VM.Audit on /vms and below, so that no guest is hidden from it, found it without');
}

/** A source that is silent is noted by name: unknown is not 'nothing there'. */
export async function ask<T>(
  found: Pick<Evidence, 'unknown'>,
  what: string,
  look: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    found.unknown.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function gatherHost(found: Evidence, proxmox: ProxmoxClient, { node = '', status }: Row): Promise<void> {
  if (status !== 'online') {
    found.unknown.push(`${node}: expected it online, found it ${status ?? 'without a status'}`);
    return;
  }
  for (const kind of ['qemu', 'lxc'] as const) {
    const rows = (await ask(found, node, () => proxmox.get<Row[]>(`/nodes/${node}/${kind}`))) ?? [];
    noteGuests(
      found,
      node,
      rows.map((row) => ({ ...row, type: kind })),
    );
    await gatherGuests(found, proxmox, node, kind, rows);
  }
  await gatherVolumes(found, proxmox, node);
  await gatherMappings(found, proxmox, node);
}

export function noteGuests(found: Evidence, source: string, rows: Row[]): void {
  for (const { vmid, type } of rows) {
    if (vmid === undefined || (type !== 'qemu' && type !== 'lxc')) continue;
    if (!found.guests.has(vmid)) found.guests.set(vmid, source);
  }
}

interface MappingRow {
  id: string;
  map?: string[];
  checks?: { severity: string; message: string }[];
}

/** Asked of each host: only the host itself can say whether a device is there. */
async function gatherMappings(found: Evidence, proxmox: ProxmoxClient, host: string): Promise<void> {
  const path = `/cluster/mapping/pci?check-node=${host}`;
  const rows = await ask(found, `PCI mappings on ${host}`, () => proxmox.get<MappingRow[]>(path));
  for (const { id, map = [], checks = [] } of rows ?? []) {
    const known = found.mappings.find((mapping) => mapping.id === id);
    const mapping = known ?? { id, devices: map.map(deviceText), problems: [] };
    if (!known) found.mappings.push(mapping);
    const wrong = checks.filter(({ severity }) => severity === 'error');
    mapping.problems.push(...wrong.map(({ message }) => `${host}: ${message.trim()}`));
  }
}

/** `id=10de:2231,node=thor,path=0000:01:00.0` */
function deviceText(entry: string): string {
  const property = (name: string) => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(entry)?.[1] ?? '?';
  return `${property('node')} ${property('path')}`;
}

async function jobs<T>(
  found: Evidence,
  proxmox: ProxmoxClient,
  path: string,
  idsOf: (job: T) => (number | undefined)[],
): Promise<void> {
  const list = await ask(found, path, () => proxmox.get<T[]>(path));
  for (const job of list ?? []) for (const id of idsOf(job)) if (id) found.jobs.set(id, path);
}
