import { messageOf } from '../runtime/errors.js';
import { readSite, type ProxmoxSite } from './proxmoxSite.js';

/** A VM as Proxmox knows it. */
export interface ProxmoxVm {
  vmid: number;
  name: string;
  host: string;
  /** SMBIOS UUID in lower case; empty when its configuration has none. */
  uuid: string;
}

/** Proxmox VE, read-only. */
export interface Proxmox {
  /**
   * The VM under an id, undefined when there is none.
   * @throws ProxmoxError when that cannot be known, e.g. because its host does not answer.
   */
  vm(vmid: number): Promise<ProxmoxVm | undefined>;
  /** Whether a VM that is there is switched off, by its host's word. @throws ProxmoxError when that cannot be known. */
  isOff(vmid: number): Promise<boolean>;
  /** Whether a host is a member of the cluster and online. */
  hostOnline(host: string): Promise<boolean>;
  /** Hosts, guests, storages and PCI mappings, in one look. */
  site(): Promise<ProxmoxSite>;
}

export class ProxmoxError extends Error {
  override readonly name = 'ProxmoxError';

  constructor(
    message: string,
    /** HTTP status of the answer; undefined when there was none that could be used. */
    readonly status?: number,
  ) {
    super(message);
  }
}

const TIMEOUT = 15_000;
const TRIES = 3;

/** A guest in the cluster's listing, which is the cluster's memory: it has no name while its host is offline. */
export interface ProxmoxRow {
  vmid: number;
  name?: string;
  node: string;
  /** qemu or lxc */
  type: string;
  status?: string;
  template?: number;
}

/**
 * GET requests with an API token. TLS is verified against the system's authorities and those of NODE_EXTRA_CA_CERTS.
 * Proxmox puts its error text into the HTTP reason phrase.
 */
export class ProxmoxClient implements Proxmox {
  /** @param endpoint https://host:8006 @param token USER@REALM!ID=UUID */
  constructor(
    private readonly endpoint: string,
    private readonly token: string,
    private readonly timeout = TIMEOUT,
  ) {}

  async vm(vmid: number): Promise<ProxmoxVm | undefined> {
    const row = await this.row(vmid);
    if (!row) return undefined;
    // The listing is the cluster's memory; only the host itself knows the configuration.
    const config = await this.get<{ name?: string; smbios1?: string }>(`/nodes/${row.node}/qemu/${vmid}/config`);
    const uuid = /(?:^|,)uuid=([0-9a-f-]+)/i.exec(config.smbios1 ?? '')?.[1] ?? '';
    return { vmid, name: config.name ?? row.name ?? '', host: row.node, uuid: uuid.toLowerCase() };
  }

  /** All guests that the token may see. */
  async list(): Promise<ProxmoxRow[]> {
    return this.get<ProxmoxRow[]>('/cluster/resources?type=vm');
  }

  /** Whether no guest has the id, of whatever kind, seen by the token or not. */
  async isIdFree(vmid: number): Promise<boolean> {
    try {
      await this.get<string | number>(`/cluster/nextid?vmid=${vmid}`);
      return true;
    } catch (error) {
      if (error instanceof ProxmoxError && error.status === 400) return false;
      throw error;
    }
  }

  /** A VM's configuration as its host has it; undefined when there is no such VM. */
  async configOf(vmid: number): Promise<Record<string, unknown> | undefined> {
    const row = await this.row(vmid);
    return row && this.get<Record<string, unknown>>(`/nodes/${row.node}/qemu/${vmid}/config`);
  }

  async isOff(vmid: number): Promise<boolean> {
    const row = await this.row(vmid);
    if (!row) throw new ProxmoxError(`Proxmox: expected VM ${vmid}, found none`);
    const { status } = await this.get<{ status: string }>(`/nodes/${row.node}/qemu/${vmid}/status/current`);
    return status === 'stopped';
  }

  private async row(vmid: number): Promise<ProxmoxRow | undefined> {
    return (await this.list()).find((candidate) => candidate.vmid === vmid && candidate.type === 'qemu');
  }

  async hostOnline(host: string): Promise<boolean> {
    const hosts = await this.get<{ node: string; status?: string }[]>('/nodes');
    return hosts.some((row) => row.node === host && row.status === 'online');
  }

  async site(): Promise<ProxmoxSite> {
    return readSite((path) => this.get(path));
  }

  /** Any GET of the API, by its path below /api2/json. @throws ProxmoxError. */
  async get<T>(path: string): Promise<T> {
    let trouble = '';
    for (let attempt = 0; attempt < TRIES; attempt++) {
      try {
        return await this.once<T>(path);
      } catch (error) {
        if (error instanceof ProxmoxError) throw error;
        trouble = messageOf(error);
      }
    }
    throw new ProxmoxError(`Proxmox did not answer GET ${path}: ${trouble}`);
  }

  private async once<T>(path: string): Promise<T> {
    const response = await fetch(`${this.endpoint.replace(/\/$/, '')}/api2/json${path}`, {
      headers: { authorization: `PVEAPIToken=${this.token}` },
      signal: AbortSignal.timeout(this.timeout),
    });
    const text = await response.text();
    if (response.status !== 200)
      throw new ProxmoxError(`Proxmox GET ${path}: ${response.status} ${response.statusText}`, response.status);
    const { data } = JSON.parse(text) as { data: T | null };
    if (data === null || data === undefined) throw new ProxmoxError(`Proxmox GET ${path}: expected data, found none`);
    return data;
  }
}
