import type { ProxmoxClient } from '@prox-ops/operations';
import { ask, type Evidence } from './evidence';

/** A file or an image on a storage, as a host lists it. */
export interface Volume {
  volid: string;
  storage: string;
  /** A host that lists it; a shared storage is listed by several. */
  host: string;
  shared: boolean;
  /** Bytes. */
  size: number;
  /** Seconds since the epoch, where the storage tells. */
  created?: number;
}

/** A disk image. */
export interface Image extends Volume {
  /** The id in its name: whose it was made for. */
  vmId: number;
}

export interface StoredFile extends Volume {
  content: 'snippets' | 'import' | 'iso';
}

interface StorageRow {
  storage: string;
  shared?: number;
  enabled?: number;
  /** `images,import`; always there with a real one. */
  content?: string;
}

interface Content {
  volid: string;
  vmid?: number;
  size?: number;
  ctime?: number;
  parent?: string;
}

const FILES = ['snippets', 'import', 'iso'] as const;

/** What the storages of one host hold. */
export async function gatherVolumes(found: Evidence, proxmox: ProxmoxClient, host: string): Promise<void> {
  const rows = await ask(found, host, () => proxmox.get<StorageRow[]>(`/nodes/${host}/storage`));
  for (const row of rows ?? []) {
    // Nobody can read or delete what a disabled storage holds.
    if (row.enabled === 0) continue;
    const holds = (row.content ?? '').split(',');
    if (holds.includes('images')) await gatherImages(found, proxmox, host, row);
    for (const content of FILES.filter((name) => holds.includes(name)))
      await gatherFiles(found, proxmox, host, row, content);
  }
}

async function gatherImages(found: Evidence, proxmox: ProxmoxClient, host: string, row: StorageRow): Promise<void> {
  for (const content of await listed(found, proxmox, host, row, 'images')) {
    const { volid, vmid, parent } = content;
    if (parent !== undefined) found.bases.add(`${row.storage}:${parent}`);
    // Of a linked clone, `base-9000-disk-0/vm-105-disk-0`, the last part is its own.
    const vmId = Number(/[:/](?:vm|base)-(\d+)-[^/]*$/.exec(volid)?.[1] ?? vmid);
    if (Number.isInteger(vmId)) found.images.push({ ...volumeOf(content, host, row), vmId });
  }
}

async function gatherFiles(
  found: Evidence,
  proxmox: ProxmoxClient,
  host: string,
  row: StorageRow,
  kind: StoredFile['content'],
): Promise<void> {
  for (const content of await listed(found, proxmox, host, row, kind))
    found.files.push({ ...volumeOf(content, host, row), content: kind });
}

async function listed(
  found: Evidence,
  proxmox: ProxmoxClient,
  host: string,
  { storage }: StorageRow,
  content: string,
): Promise<Content[]> {
  const path = `/nodes/${host}/storage/${storage}/content?content=${content}`;
  return (await ask(found, `storage ${storage} on ${host}`, () => proxmox.get<Content[]>(path))) ?? [];
}

function volumeOf({ volid, size = 0, ctime }: Content, host: string, { storage, shared }: StorageRow): Volume {
  return { volid, storage, host, shared: shared === 1, size, ...(ctime !== undefined && { created: ctime }) };
}
