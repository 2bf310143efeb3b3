import { badParameters, refusal } from '../errors.js';
import { parseProperties, printSize, type Properties } from '../property-string.js';
import type { Site } from '../site.js';
import type { TaskHandle } from '../tasks.js';
import type { Volume } from '../volumes.js';
import { isCloudInitDrive, ownDrives, printDrive } from './drives.js';
import type { Vm } from './model.js';
import { assertUnlocked } from './registry.js';

export interface MigrateOrder {
  target: string;
  online: boolean;
  withLocalDisks: boolean;
  /** Where local disks go; the storage of the same name otherwise. */
  targetStorage?: string;
}

/** Takes a VM to another host: shared disks stay where they are, local ones are copied. */
export function migrateVm(site: Site, vm: Vm, order: MigrateOrder, user: string): string {
  checkMigration(site, vm, order);
  const from = vm.host;
  return site.tasks.fork({ node: from, type: 'qmigrate', id: String(vm.vmid), user }, (task) =>
    site.locks.hold(vm.vmid, async () => {
      site.vms.assertPresent(vm);
      checkMigration(site, vm, order);
      vm.lock = 'migrate';
      try {
        await site.world.clock.delay(site.world.durations.clone, task.signal);
        site.hosts.reach(order.target);
        site.vms.assertPresent(vm);
        carryOver(site, vm, order.target, order.targetStorage, task);
      } finally {
        delete vm.lock;
      }
    }),
  );
}

/** Puts the VM on another host together with its local disks. @throws PveError when a disk has no place there. */
export function carryOver(site: Site, vm: Vm, target: string, storage?: string, task?: TaskHandle): void {
  const moves: Move[] = [];
  try {
    for (const { key, drive } of ownDrives(vm.config, true)) {
      const volume = site.volumes.get(drive.file, vm.host);
      if (volume.host === undefined) continue;
      task?.log(`found local disk '${volume.volid}' (attached)`);
      moves.push({ key, drive, volume, copy: copyTo(site, vm, volume, target, storage) });
    }
  } catch (error) {
    for (const { copy } of moves) site.volumes.free(copy);
    throw error;
  }
  for (const { key, drive, volume, copy } of moves) {
    site.volumes.free(volume);
    const drives = { ...drive, file: copy.volid, ...(key.startsWith('unused') ? {} : { size: printSize(copy.bytes) }) };
    for (const config of [vm.config, ...(vm.power ? [vm.power.config] : [])]) config[key] = printDrive(drives);
  }
  vm.host = target;
}

interface Move {
  key: string;
  drive: Properties;
  volume: Volume;
  copy: Volume;
}

/** The content itself goes along, not a copy of it: a running guest goes on writing to it. */
function copyTo(site: Site, vm: Vm, { volid, storage: from, bytes, content }: Volume, host: string, storage?: string) {
  const suffix = isCloudInitDrive({ file: volid }) ? { suffix: 'cloudinit' as const } : {};
  return site.volumes.allocate({ storage: storage ?? from, host, vmid: vm.vmid, bytes, content, ...suffix });
}

function checkMigration(site: Site, vm: Vm, order: MigrateOrder): void {
  const { target } = order;
  if (target === vm.host) throw badParameters({ target: 'target is local node.' });
  if (!site.hosts.find(target)) throw refusal(`no such cluster node '${target}'`);
  site.hosts.reach(target);
  assertUnlocked(vm);
  if (vm.power && !order.online) throw refusal("can't migrate running VM without --online");
  checkDevices(site, vm, target);
  const local = ownDrives(vm.config).filter(({ drive }) => !site.volumes.storage(drive.file.split(':')[0]!).shared);
  if (vm.power && local.length > 0 && !order.withLocalDisks) {
    throw refusal("can't live migrate attached local disks without with-local-disks option");
  }
  if (order.targetStorage !== undefined) site.volumes.enabled(order.targetStorage, target);
}

function checkDevices(site: Site, vm: Vm, target: string): void {
  const keys = Object.keys(vm.config).filter((key) => /^hostpci\d+$/.test(key));
  if (keys.length === 0) return;
  if (vm.power) throw refusal(`can't live migrate running VM which uses following mapped devices: ${keys.join(', ')}`);
  const mapped = keys.map((key) => parseProperties(vm.config[key]!, 'host').mapping);
  if (mapped.includes(undefined)) throw refusal(`can't migrate VM which uses local devices: ${keys.join(', ')}`);
  const missing = keys.filter((_key, index) => !hasMapping(site, mapped[index]!, target));
  if (missing.length > 0) throw refusal(`can't migrate to '${target}': missing mapped devices ${missing.join(', ')}`);
}

function hasMapping(site: Site, mapping: string, host: string): boolean {
  try {
    return site.mappings.devices(mapping, host).length > 0;
  } catch {
    return false;
  }
}
