import { randomUUID } from 'node:crypto';
import { badParameters, reasonOf, refusal } from '../errors.js';
import { parseFlag } from '../property-string.js';
import type { Site } from '../site.js';
import type { Volume } from '../volumes.js';
import { attachDrive, checkDrives, isCdrom, isDrive, ownDrives, parseDrive } from './drives.js';
import type { Config, Vm } from './model.js';
import { powerOn } from './power.js';
import { normalise } from './schema.js';
import { withUuid } from './smbios.js';
import { convertDisks } from './template.js';

export interface CreateOrder {
  vmid: number;
  host: string;
  pool?: string;
  start: boolean;
  /** Options with their normal values. */
  options: Config;
}

/** Parameters of the call itself. */
const NO_OPTIONS = new Set(['vmid', 'pool', 'start', 'force', 'unique', 'storage', 'bwlimit', 'cdrom']);

/** Reads a POST of a new VM. @throws PveError for whatever in it is wrong by itself. */
export function readCreate(host: string, params: Record<string, string>): CreateOrder {
  if (params.vmid === undefined) throw badParameters({ vmid: 'property is missing and it is not optional' });
  const vmid = Number(params.vmid);
  if (!/^\d+$/.test(params.vmid) || vmid < 100)
    throw badParameters({ vmid: 'invalid format - value does not look like a valid VM ID' });
  const given = Object.fromEntries(Object.entries(params).filter(([key]) => !NO_OPTIONS.has(key)));
  const options = normalise(params.cdrom === undefined ? given : { ...given, ide2: `${params.cdrom},media=cdrom` });
  checkDrives(options);
  const start = parseFlag(params.start ?? '0') ?? false;
  return { vmid, host, start, options, ...(params.pool === undefined ? {} : { pool: params.pool }) };
}

/** Makes a VM from nothing or from imported images. The id is taken at once, what fails in the task gives it back. */
export function createVm(site: Site, order: CreateOrder, user: string): string {
  const { vmid, host } = order;
  const other = site.vms.find(vmid);
  if (other) throw refusal(`unable to create VM ${vmid} - VM ${vmid} already exists on node '${other.host}'`);
  if (order.pool !== undefined) site.pools.get(order.pool);
  const vm = site.vms.reserve(vmid, host, 'create');
  const imports = Object.values(order.options).some((value) => value.includes('import-from='));
  return site.tasks.fork({ node: host, type: 'qmcreate', id: String(vmid), user }, async ({ signal }) => {
    try {
      if (imports) await site.world.clock.delay(site.world.durations.templateTask, signal);
      site.vms.assertPresent(vm);
      furnish(site, vm, order.options);
    } catch (error) {
      site.vms.remove(vm);
      throw refusal(`unable to create VM ${vmid} - ${reasonOf(error)}`);
    }
    delete vm.lock;
    if (order.pool !== undefined) site.pools.add(order.pool, vmid);
    site.announce('vm.created', vm, user);
    if (order.start) powerOn(site, vm, user);
  });
}

/** Gives an empty VM its options and disks. @throws PveError when a disk can't be made; none is left then. */
export function furnish(site: Site, vm: Vm, options: Config): void {
  const made: Volume[] = [];
  const config: Config = { ...options, meta: metaOf(site) };
  try {
    for (const key of Object.keys(options).filter(isDrive).sort()) {
      const attached = attachDrive({ ...vm, volumes: site.volumes }, key, options[key]!, config);
      if (attached.made) made.push(attached.made);
      config[key] = attached.value;
    }
  } catch (error) {
    for (const volume of made) site.volumes.free(volume);
    throw error;
  }
  config.boot ??= defaultBoot(config);
  config.smbios1 ??= withUuid(undefined);
  config.vmgenid ??= randomUUID();
  vm.config = config;
  if (config.template === '1') convertDisks(site, vm);
}

/** The first disk, the first CD drive, the first NIC. */
function defaultBoot(config: Config): string {
  const keys = Object.keys(config).sort();
  const cdrom = (key: string): boolean => isDrive(key) && isCdrom(parseDrive(config[key]!));
  const first = [ownDrives(config)[0]?.key, keys.find(cdrom), keys.find((key) => /^net\d+$/.test(key))];
  return `order=${first.filter((key) => key !== undefined).join(';')}`;
}

function metaOf(site: Site): string {
  return `creation-qemu=10.1.2,ctime=${Math.floor(site.world.clock.now() / 1000)}`;
}
