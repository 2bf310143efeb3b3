import type { ProxmoxClient } from '@prox-ops/operations';

/** A disk image on a storage, as a host lists it. */
export interface Image {
  volid: string;
  /** The id in its name: whose it was made for. */
  vmId: number;
  storage: string;
  /** A host that lists it; a shared storage is listed by several. */
  host: string;
  shared: boolean;
  /** Bytes. */
  size: number;
  /** Seconds since the epoch, where the storage tells. */
  created?: number;
}

/** Everything that may own a disk image. What could not be read is in `unknown`, and then nothing is provably unowned. */
export interface Evidence {
  images: Image[];
  /** Ids of guests: of the cluster's listing and of each host's own. */
  guests: Map<number, string>;
  /** Volumes that a guest's configuration names, with that guest. */
  attached: Map<string, string>;
  /** Base images of linked clones. */
  bases: Set<string>;
  /** Ids that replication and backup jobs name. */
  jobs: Map<number, string>;
  /** Sources that did not answer, each with what was found. */
  unknown: string[];
}

interface Row {
  vmid?: number;
  node?: string;
  type?: string;
  status?: string;
  storage?: string;
  shared?: number;
}

interface Content {
  volid: string;
  vmid?: number;
  size?: number;
  ctime?: number;
  parent?: string;
}

/** Asks the cluster, every host, every guest and every job. Reads only; never throws. */
export async function gather(proxmox: ProxmoxClient): Promise<Evidence> {
  const found: Evidence = {
    images: [],
    guests: new Map(),
    attached: new Map(),
    bases: new Set(),
    jobs: new Map(),
    unknown: [],
  };
  const rows = await ask(found, 'the cluster', () => proxmox.get<Row[]>('/cluster/resources'));
  const hosts = (rows ?? []).filter(({ type }) => type === 'node');
  noteGuests(found, 'the cluster', rows ?? []);
  await Promise.all([
    ...hosts.map((row) => gatherHost(found, proxmox, row)),
    jobs(found, proxmox, '/cluster/replication', (job: { guest?: number }) => [job.guest]),
    jobs(found, proxmox, '/cluster/backup', (job: { vmid?: string }) => (job.vmid ?? '').split(',').map(Number)),
  ]);
  return found;
}

/** A source that is silent is noted by name: unknown is not 'nothing there'. */
async function ask<T>(found: Evidence, what: string, look: () => Promise<T>): Promise<T | undefined> {
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
  for (const kind of ['qemu', 'lxc']) {
    const guests = await ask(found, node, () => proxmox.get<Row[]>(`/nodes/${node}/${kind}`));
    noteGuests(
      found,
      node,
      (guests ?? []).map((guest) => ({ ...guest, type: kind })),
    );
    for (const { vmid = 0 } of guests ?? []) await noteAttached(found, proxmox, `/nodes/${node}/${kind}/${vmid}`, vmid);
  }
  const storages = await ask(found, node, () => proxmox.get<Row[]>(`/nodes/${node}/storage?content=images`));
  for (const storage of storages ?? []) await noteImages(found, proxmox, node, storage);
}

function noteGuests(found: Evidence, source: string, rows: Row[]): void {
  for (const { vmid, type } of rows) {
    if (vmid === undefined || (type !== 'qemu' && type !== 'lxc')) continue;
    if (!found.guests.has(vmid)) found.guests.set(vmid, source);
  }
}

/** A disk may be attached to a guest with another id, or stand in its configuration as unused. */
async function noteAttached(found: Evidence, proxmox: ProxmoxClient, path: string, vmId: number): Promise<void> {
  const config = await ask(found, `guest ${vmId}`, () => proxmox.get<Record<string, unknown>>(`${path}/config`));
  for (const value of Object.values(config ?? {})) {
    const volid = typeof value === 'string' ? /^(?:file=)?([\w.-]+:[^,]+)/.exec(value)?.[1] : undefined;
    if (volid !== undefined) found.attached.set(volid, `guest ${vmId}`);
  }
}

async function noteImages(found: Evidence, proxmox: ProxmoxClient, host: string, row: Row): Promise<void> {
  const { storage = '', shared } = row;
  const path = `/nodes/${host}/storage/${storage}/content?content=images`;
  const content = await ask(found, `storage ${storage} on ${host}`, () => proxmox.get<Content[]>(path));
  for (const { volid, vmid, size = 0, ctime, parent } of content ?? []) {
    if (parent !== undefined) found.bases.add(`${storage}:${parent}`);
    const vmId = Number(/(?:^|[:/])(?:vm|base)-(\d+)-/.exec(volid)?.[1] ?? vmid);
    if (!Number.isInteger(vmId)) continue;
    found.images.push({
      volid,
      vmId,
      storage,
      host,
      shared: shared === 1,
      size,
      ...(ctime !== undefined && { created: ctime }),
    });
  }
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
