import { badParameters, refusal } from '../errors.js';
import { parseSize, printSize } from '../property-string.js';
import type { Site } from '../site.js';
import { isCdrom, isCloudInitDrive, isDrive, parseDrive, printDrive } from './drives.js';
import type { Vm } from './model.js';
import { assertUnlocked } from './registry.js';

/** Grows a disk to an absolute size, or by `+size`. A disk never shrinks. */
export function resizeDisk(site: Site, vm: Vm, disk: string, size: string, user: string): string {
  const wanted = parseSize(size.replace(/^\+/, ''));
  if (wanted === undefined) throw badParameters({ size: 'value does not match the regex pattern' });
  return site.tasks.fork({ node: vm.host, type: 'resize', id: String(vm.vmid), user }, () =>
    site.locks.hold(vm.vmid, () => {
      site.vms.assertPresent(vm);
      assertUnlocked(vm);
      const drive = driveOf(vm, disk);
      if (isCdrom(drive) || isCloudInitDrive(drive)) throw refusal("you can't resize a cdrom");
      const volume = site.volumes.get(drive.file, vm.host);
      const bytes = size.startsWith('+') ? volume.bytes + wanted : wanted;
      if (bytes < volume.bytes) throw refusal('shrinking disks is not supported');
      volume.bytes = bytes;
      setDrive(vm, disk, { ...drive, size: printSize(bytes) });
    }),
  );
}

export interface MoveOrder {
  disk: string;
  storage: string;
  /** Remove the original instead of keeping it as unused. */
  removeOriginal: boolean;
}

/** Copies a disk to another storage, content included, also while the VM runs. */
export function moveDisk(site: Site, vm: Vm, order: MoveOrder, user: string): string {
  checkMove(site, vm, order);
  return site.tasks.fork({ node: vm.host, type: 'qmmove', id: String(vm.vmid), user }, ({ signal }) =>
    site.locks.hold(vm.vmid, async () => {
      await site.world.clock.delay(site.world.durations.clone, signal);
      site.vms.assertPresent(vm);
      checkMove(site, vm, order);
      const drive = driveOf(vm, order.disk);
      const original = site.volumes.get(drive.file, vm.host);
      // The very content, not a copy: what runs on the disk goes on writing to it.
      const { bytes, content } = original;
      const moved = site.volumes.allocate({ storage: order.storage, host: vm.host, vmid: vm.vmid, bytes, content });
      setDrive(vm, order.disk, { ...drive, file: moved.volid, size: printSize(moved.bytes) });
      if (order.removeOriginal) return site.volumes.free(original);
      original.content = structuredClone(content);
      let number = 0;
      while (vm.config[`unused${number}`] !== undefined) number += 1;
      vm.config[`unused${number}`] = original.volid;
    }),
  );
}

function checkMove(site: Site, vm: Vm, { disk, storage }: MoveOrder): void {
  assertUnlocked(vm);
  const drive = driveOf(vm, disk);
  if (isCdrom(drive)) throw refusal("you can't move a cdrom");
  site.volumes.enabled(storage, vm.host);
  if (drive.file.split(':')[0] === storage) throw refusal("you can't move to the same storage with same format");
}

function driveOf(vm: Vm, disk: string): ReturnType<typeof parseDrive> {
  const value = vm.config[disk];
  if (!isDrive(disk) || value === undefined) throw refusal(`disk '${disk}' does not exist`);
  return parseDrive(value);
}

function setDrive(vm: Vm, disk: string, drive: Record<string, string>): void {
  for (const config of [vm.config, ...(vm.power ? [vm.power.config] : [])]) config[disk] = printDrive(drive);
}
