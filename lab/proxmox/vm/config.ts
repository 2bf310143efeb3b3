import { createHash } from 'node:crypto';
import { badParameters, refusal } from '../errors.js';
import { parseProperties, splitList } from '../property-string.js';
import type { Site } from '../site.js';
import { attachDrive, checkDrives, detachDrive, isDrive, parseDrive } from './drives.js';
import { isCloudInit, isOption, normalise } from './schema.js';
import { memoryOf, nameOf, type Config, type Vm } from './model.js';
import { assertUnlocked, assertUnprotected } from './registry.js';

/** A change of a configuration as it was asked for. */
export interface ConfigChange {
  set: Config;
  /** Keys to remove; such that aren't set are passed over. */
  remove: string[];
  /** Remove volumes for good instead of keeping them as unused. */
  force: boolean;
  digest?: string;
}

/** Keys that a running guest takes over at once, with the default hotplug of network, disk and usb. */
const HOT =
  /^(description|hookscript|lock|migrate_(downtime|speed)|name|onboot|protection|shares|startup|tags|vmstatestorage|cpuunits|cpulimit|tablet|net\d+|unused\d+|(scsi|virtio)\d+)$/;

/** Parameters of the call itself. */
const NO_OPTIONS = new Set(['delete', 'force', 'digest', 'cdrom', 'skiplock', 'background_delay']);

/** Reads a PUT or POST of a configuration. @throws PveError for whatever in it is wrong by itself. */
export function readChange(params: Record<string, string>): ConfigChange {
  const { force, digest, cdrom } = params;
  const remove = splitList(params.delete ?? '').map((key) => (key === 'cdrom' ? 'ide2' : key));
  const options = Object.fromEntries(Object.entries(params).filter(([key]) => !NO_OPTIONS.has(key)));
  const set = normalise(cdrom === undefined ? options : { ...options, ide2: `${cdrom},media=cdrom` });
  if (remove.length === 0 && Object.keys(set).length === 0) throw refusal('no options specified');
  for (const key of remove) {
    if (!isOption(key)) throw badParameters({ delete: `unknown option '${key}'` });
    if (key in set) throw badParameters({ delete: `you can't use '-${key}' and -delete ${key}' at the same time` });
  }
  checkDrives(set);
  return { set, remove, force: force === '1', ...(digest === undefined ? {} : { digest }) };
}

/** Changes a VM's configuration as soon as its lock file is free. @throws PveError; changes may stand half done then. */
export async function changeConfig(site: Site, vm: Vm, change: ConfigChange): Promise<void> {
  checkChange(vm, change);
  await site.locks.hold(vm.vmid, () => {
    site.vms.assertPresent(vm);
    checkChange(vm, change);
    if (site.world.faults.strikes('config-fails', change.set.name ?? nameOf(vm))) {
      throw refusal(
        `unable to open file '/etc/pve/nodes/${vm.host}/qemu-server/${vm.vmid}.conf.tmp' - Input/output error`,
      );
    }
    for (const key of change.remove) removeKey(site, vm, key, change.force);
    for (const key of Object.keys(change.set).sort()) setKey(site, vm, key, change.set[key]!, change);
  });
}

/** Tells two versions of a configuration apart. */
export function digestOf(config: Config): string {
  return createHash('sha1')
    .update(JSON.stringify(Object.entries(config).sort()))
    .digest('hex');
}

/** Keys whose value the running guest doesn't have yet. */
export function pendingKeys(vm: Vm): string[] {
  if (!vm.power) return [];
  const running = vm.power.config;
  return [...new Set([...Object.keys(vm.config), ...Object.keys(running)])]
    .filter((key) => vm.config[key] !== running[key] && !/^unused/.test(key))
    .sort();
}

function checkChange(vm: Vm, { set, digest }: ConfigChange): void {
  if (digest !== undefined && digest !== digestOf(vm.config)) {
    throw refusal('checksum mismatch (file change by other user?)');
  }
  assertUnlocked(vm);
  if (set.memory === undefined && set.balloon === undefined) return;
  const next = { ...vm.config, ...set };
  if (Number(next.balloon ?? 0) * 2 ** 20 > memoryOf(next)) {
    throw refusal('balloon value too large (must be smaller than assigned memory)');
  }
}

function removeKey(site: Site, vm: Vm, key: string, force: boolean): void {
  const value = vm.config[key];
  if (value === undefined) return;
  if (/^unused/.test(key)) {
    const volume = site.volumes.find(parseDrive(value).file, vm.host);
    assertUnprotected(vm.config, `can't remove unused disk '${value}'`);
    if (volume) site.volumes.free(volume);
  } else if (isDrive(key)) {
    assertUnprotected(vm.config, `can't remove drive '${key}'`);
  }
  write(vm, key, undefined);
  dropFromBoot(vm, key);
  if (isDrive(key)) discardDrive(site, vm, value, force);
}

function discardDrive(site: Site, vm: Vm, value: string, force: boolean): void {
  const volume = force ? site.volumes.find(parseDrive(value).file, vm.host) : undefined;
  if (volume?.owner === vm.vmid) site.volumes.free(volume);
  else detachDrive({ ...vm, volumes: site.volumes }, vm.config, value);
}

function setKey(site: Site, vm: Vm, key: string, value: string, change: ConfigChange): void {
  if (isDrive(key)) return setDrive(site, vm, key, value);
  if (key === 'boot') assertBootable(vm, value, change);
  write(vm, key, value);
}

function setDrive(site: Site, vm: Vm, key: string, value: string): void {
  const old = vm.config[key];
  const { value: kept } = attachDrive({ ...vm, volumes: site.volumes }, key, value, vm.config);
  write(vm, key, kept);
  if (old !== undefined && parseDrive(old).file !== parseDrive(kept).file) {
    detachDrive({ ...vm, volumes: site.volumes }, vm.config, old);
  }
}

function assertBootable(vm: Vm, boot: string, { set, remove }: ConfigChange): void {
  for (const device of (parseProperties(boot, 'legacy').order ?? '').split(';').filter((name) => name !== '')) {
    if ((vm.config[device] ?? set[device]) === undefined || remove.includes(device)) {
      throw refusal(`invalid bootorder: device '${device}' does not exist'`);
    }
  }
}

function dropFromBoot(vm: Vm, key: string): void {
  const order = parseProperties(vm.config.boot ?? '', 'legacy').order?.split(';');
  if (order?.includes(key)) write(vm, 'boot', `order=${order.filter((device) => device !== key).join(';')}`);
}

/** Into the configuration, and into the running guest what it takes over while it runs. */
function write(vm: Vm, key: string, value: string | undefined): void {
  const targets = [vm.config, ...(vm.power && (HOT.test(key) || isCloudInit(key)) ? [vm.power.config] : [])];
  for (const config of targets) {
    if (value === undefined) delete config[key];
    else config[key] = value;
  }
}
