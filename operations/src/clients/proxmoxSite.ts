/** The Proxmox cluster as one look shows it. Sizes in bytes; undefined where its host does not answer. */
export interface ProxmoxSite {
  /** Without a quorum every change is refused. A host without a cluster has one by itself. */
  quorate: boolean;
  hosts: SiteHost[];
  guests: SiteGuest[];
  storages: SiteStorage[];
  /** PCI mappings by name, with the hosts that have a device for it; undefined when the token may not see them. */
  mappings: Map<string, string[]> | undefined;
}

export interface SiteHost {
  name: string;
  online: boolean;
  memory?: number;
  memoryUsed?: number;
}

export interface SiteGuest {
  vmid: number;
  name: string;
  host: string;
  template: boolean;
  running: boolean;
  memory: number;
  lock?: string;
}

export interface SiteStorage {
  name: string;
  host: string;
  kind: string;
  available: boolean;
  content: string[];
  free?: number;
}

interface Row {
  type: string;
  node?: string;
  status?: string;
  vmid?: number;
  name?: string;
  template?: number;
  lock?: string;
  storage?: string;
  plugintype?: string;
  content?: string;
  maxmem?: number;
  mem?: number;
  maxdisk?: number;
  disk?: number;
}

type Get = <T>(path: string) => Promise<T>;

/** Three requests, whatever the number of hosts and guests. */
export async function readSite(get: Get): Promise<ProxmoxSite> {
  const [rows, status, mappings] = await Promise.all([
    get<Row[]>('/cluster/resources'),
    get<{ type: string; quorate?: number }[]>('/cluster/status'),
    readMappings(get),
  ]);
  return {
    quorate: status.every(({ type, quorate }) => type !== 'cluster' || quorate === 1),
    hosts: rows.filter(({ type }) => type === 'node').map(hostOf),
    guests: rows.filter(({ type }) => type === 'qemu' || type === 'lxc').map(guestOf),
    storages: rows.filter(({ type }) => type === 'storage').map(storageOf),
    mappings,
  };
}

/** Reading mappings takes a privilege of its own (Mapping.Audit), which a token need not have. */
async function readMappings(get: Get): Promise<Map<string, string[]> | undefined> {
  try {
    const found = await get<{ id: string; map: string[] }[]>('/cluster/mapping/pci');
    return new Map(
      found.map(({ id, map }) => [id, map.flatMap((device) => /(?:^|,)node=([^,]+)/.exec(device)?.[1] ?? [])]),
    );
  } catch {
    return undefined;
  }
}

function hostOf({ node = '', status, maxmem, mem }: Row): SiteHost {
  return {
    name: node,
    online: status === 'online',
    ...(maxmem !== undefined && { memory: maxmem }),
    ...(mem !== undefined && { memoryUsed: mem }),
  };
}

function guestOf({ vmid = 0, name = '', node = '', template, status, maxmem = 0, lock }: Row): SiteGuest {
  const running = status === 'running';
  return {
    vmid,
    name,
    host: node,
    template: template === 1,
    running,
    memory: maxmem,
    ...(lock !== undefined && { lock }),
  };
}

function storageOf({
  storage = '',
  node = '',
  plugintype = '',
  status,
  content = '',
  maxdisk,
  disk,
}: Row): SiteStorage {
  return {
    name: storage,
    host: node,
    kind: plugintype,
    available: status === 'available',
    content: content.split(','),
    ...(maxdisk !== undefined && disk !== undefined && { free: maxdisk - disk }),
  };
}
