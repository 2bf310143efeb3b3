import type { ProxmoxClient } from '@prox-ops/operations';
import { ask, type Evidence, type Row } from './evidence';

/** A guest as its host tells of it. */
export interface Guest {
  vmId: number;
  host: string;
  name: string;
  template: boolean;
  /** SMBIOS UUID, lower case; empty where it has none. */
  uuid: string;
  description: string;
  tags: string[];
  /** Proxmox refuses to delete it. */
  protected: boolean;
  /** Seconds since the epoch, where its configuration tells. */
  created?: number;
  /** PCI mappings that it names, by slot. */
  pci: { slot: string; mapping: string }[];
}

type Options = Record<string, unknown>;

/** What the guests of one host are, and which volumes they name, in snapshots as well. */
export async function gatherGuests(
  found: Evidence,
  proxmox: ProxmoxClient,
  host: string,
  kind: 'qemu' | 'lxc',
  rows: Row[],
): Promise<void> {
  for (const { vmid = 0, name = '', template } of rows) {
    const path = `/nodes/${host}/${kind}/${vmid}`;
    const config = await ask(found, `guest ${vmid}`, () => proxmox.get<Options>(`${path}/config`));
    noteAttached(found, `guest ${vmid}`, config ?? {});
    if (config) found.machines.push(guestOf(vmid, host, name, template === 1, config));
    await gatherSnapshots(found, proxmox, path, vmid);
  }
}

/** A snapshot keeps volumes and files that the guest itself names no more. */
async function gatherSnapshots(found: Evidence, proxmox: ProxmoxClient, path: string, vmId: number): Promise<void> {
  const who = `a snapshot of guest ${vmId}`;
  const list = await ask(found, who, () => proxmox.get<{ name: string }[]>(`${path}/snapshot`));
  for (const { name } of list ?? []) {
    // The state that it runs with, listed among them.
    if (name === 'current') continue;
    const config = await ask(found, who, () => proxmox.get<Options>(`${path}/snapshot/${name}/config`));
    noteAttached(found, who, config ?? {});
  }
}

/**
 * A disk may be attached to a guest with another id, or stand in its configuration as unused; snippets stand behind
 * `cicustom` (`user=local:snippets/x.yaml,network=...`) and `hookscript`. Every value that looks like a volume counts.
 */
function noteAttached(found: Evidence, guest: string, config: Options): void {
  const values = Object.values(config).filter((value) => typeof value === 'string');
  for (const part of values.flatMap((value) => value.split(','))) {
    const volid = /^(?:[\w-]+=)?([\w.-]+:\S+)$/.exec(part)?.[1];
    if (volid !== undefined) found.attached.set(volid, guest);
  }
}

function guestOf(vmId: number, host: string, name: string, template: boolean, config: Options): Guest {
  const text = (key: string): string => (typeof config[key] === 'string' ? config[key] : '');
  const created = /(?:^|,)ctime=(\d+)/.exec(text('meta'))?.[1];
  const pci = Object.keys(config).flatMap((slot) => {
    const mapping = /^hostpci\d+$/.test(slot) ? /(?:^|,)mapping=([^,]+)/.exec(text(slot))?.[1] : undefined;
    return mapping === undefined ? [] : [{ slot, mapping }];
  });
  return {
    vmId,
    host,
    name: text('name') || text('hostname') || name,
    template,
    uuid: (/(?:^|,)uuid=([0-9a-f-]+)/i.exec(text('smbios1'))?.[1] ?? '').toLowerCase(),
    description: text('description'),
    tags: text('tags')
      .split(/[;, ]+/)
      .filter((tag) => tag !== ''),
    protected: config.protection === 1,
    pci,
    ...(created !== undefined && { created: Number(created) }),
  };
}
