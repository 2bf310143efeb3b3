import type { ProxmoxClient } from '@prox-ops/operations';
import { parseProperties } from './properties';

export interface LiveHost {
  name: string;
  /** MiB. */
  memory: number;
  cores: number;
  bridges: string[];
  storages: { name: string; content: string[] }[];
  /** Names of PCI mappings with a device on this host. */
  pci: string[];
}

export interface LiveVm {
  vmId: number;
  name: string;
  host: string;
  template: boolean;
  /** As in the VM's configuration file. */
  config: Record<string, string>;
  /** SMBIOS UUID, lower case. */
  uuid: string;
}

export interface LiveProxmox {
  hosts: LiveHost[];
  vms: LiveVm[];
  /** Hosts that do not answer: what runs there cannot be known. */
  offline: string[];
}

interface HostRow {
  node: string;
  status?: string;
  maxmem?: number;
  maxcpu?: number;
}

interface VmRow {
  vmid: number;
  node: string;
  type: string;
}

/** Reads the hosts and every VM on them. Nothing but GET requests. @throws ProxmoxError. */
export async function readProxmox(client: ProxmoxClient): Promise<LiveProxmox> {
  const rows = await client.get<HostRow[]>('/nodes');
  const online = rows.filter(({ status }) => status === 'online').sort((a, b) => a.node.localeCompare(b.node));
  const mappings = await client.get<{ id: string; map: string[] }[]>('/cluster/mapping/pci');
  const vms = await client.get<VmRow[]>('/cluster/resources?type=vm');
  const reachable = vms.filter(({ type, node }) => type === 'qemu' && online.some((host) => host.node === node));
  return {
    hosts: await Promise.all(online.map((row) => readHost(client, row, mappings))),
    vms: (await Promise.all(reachable.map((row) => readVm(client, row)))).sort((a, b) => a.vmId - b.vmId),
    offline: rows.filter(({ status }) => status !== 'online').map(({ node }) => node),
  };
}

async function readHost(
  client: ProxmoxClient,
  { node, maxmem = 0, maxcpu = 0 }: HostRow,
  mappings: { id: string; map: string[] }[],
): Promise<LiveHost> {
  const [bridges, storages] = await Promise.all([
    client.get<{ iface: string }[]>(`/nodes/${node}/network?type=any_bridge`),
    client.get<{ storage: string; content?: string }[]>(`/nodes/${node}/storage?enabled=1`),
  ]);
  const pci = mappings.filter(({ map }) => map.some((entry) => parseProperties(entry)['node'] === node));
  return {
    name: node,
    memory: Math.floor(maxmem / 2 ** 20),
    cores: maxcpu,
    bridges: bridges.map(({ iface }) => iface).sort(),
    storages: storages.map(({ storage, content = '' }) => ({ name: storage, content: content.split(',') })),
    pci: pci.map(({ id }) => id).sort(),
  };
}

async function readVm(client: ProxmoxClient, { vmid, node }: VmRow): Promise<LiveVm> {
  const raw = await client.get<Record<string, unknown>>(`/nodes/${node}/qemu/${vmid}/config`);
  const config = Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, String(value)]));
  const uuid = parseProperties(config['smbios1'] ?? '')['uuid'] ?? '';
  const template = config['template'] === '1';
  return { vmId: vmid, name: config['name'] ?? '', host: node, template, config, uuid: uuid.toLowerCase() };
}
