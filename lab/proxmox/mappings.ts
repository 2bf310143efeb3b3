import { createHash } from 'node:crypto';
import type { ProxmoxHost } from '../world/inventory.js';
import { refusal } from './errors.js';
import { parseProperties } from './property-string.js';

/** A PCI mapping as the API keeps it. */
export interface PciMapping {
  id: string;
  description?: string;
  mdev?: string;
  'live-migration-capable'?: string;
  /** `id=10de:2231,node=pve1,path=0000:01:00.0,...`, one a device. */
  map: string[];
}

/** Names for PCI devices that mean a device of their own on each host. */
export class PciMappings {
  private readonly mappings = new Map<string, PciMapping>();

  constructor(private readonly hosts: ProxmoxHost[]) {
    for (const host of hosts) for (const device of host.pci) this.addDevice(host.name, device);
  }

  all(): PciMapping[] {
    return [...this.mappings.values()];
  }

  get(id: string): PciMapping {
    const mapping = this.mappings.get(id);
    if (!mapping) throw refusal(`mapping '${id}' not found`);
    return mapping;
  }

  create(mapping: PciMapping): void {
    if (this.mappings.has(mapping.id))
      throw refusal(`create PCI mapping failed: pci ID '${mapping.id}' already defined`);
    this.mappings.set(mapping.id, mapping);
  }

  update(id: string, changes: Partial<PciMapping>, remove: string[]): void {
    const mapping = this.mappings.get(id);
    if (!mapping) throw refusal(`update PCI mapping failed: pci ID '${id}' does not exist`);
    const kept = Object.entries({ ...mapping, ...changes }).filter(([key]) => !remove.includes(key) || key === 'map');
    this.mappings.set(id, Object.fromEntries(kept) as unknown as PciMapping);
  }

  /** Gone already is gone, as with the real one. */
  delete(id: string): void {
    this.mappings.delete(id);
  }

  /** Addresses of a mapping's devices on one host. @throws PveError when it has none there. */
  devices(id: string, host: string): string[] {
    const devices = (this.mappings.get(id)?.map ?? [])
      .map((entry) => parseProperties(entry, 'id'))
      .filter(({ node, path }) => node === host && path !== undefined)
      .map(({ path }) => path!);
    if (devices.length === 0) throw refusal(`PCI device mapping not found for '${id}'`);
    return devices;
  }

  /** What one host says of a mapping: whether it has one there, and whether the devices are those that it names. */
  checks(id: string, host: string): { severity: 'warning' | 'error'; message: string }[] {
    const entries = (this.mappings.get(id)?.map ?? [])
      .map((entry) => parseProperties(entry, 'id'))
      .filter(({ node }) => node === host);
    if (entries.length === 0) return [{ severity: 'warning', message: `No mapping for node ${host}.` }];
    const devices = this.hosts.find(({ name }) => name === host)?.pci ?? [];
    return entries.flatMap(({ id: configured, path }) => {
      const device = devices.find((candidate) => candidate.path === path);
      const why = device ? mismatch(id, device.id, configured) : `pci device '${path}' not found\n`;
      return why === undefined ? [] : [{ severity: 'error' as const, message: `Invalid configuration: ${why}` }];
    });
  }

  digest(): string {
    return createHash('sha1').update(JSON.stringify(this.all())).digest('hex');
  }

  private addDevice(host: string, device: ProxmoxHost['pci'][number]): void {
    const { id, path, subsystemId, iommuGroup, mapping: name, description } = device;
    const entry = `id=${id},iommugroup=${iommuGroup},node=${host},path=${path},subsystem-id=${subsystemId}`;
    const mapping = this.mappings.get(name) ?? { id: name, description, map: [] };
    this.mappings.set(name, { ...mapping, map: [...mapping.map, entry] });
  }
}

function mismatch(name: string, found: string, configured = ''): string | undefined {
  return found === configured ? undefined : `'id' does not match for '${name}' (${found} != ${configured})\n`;
}
