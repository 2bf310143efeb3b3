import { refusal } from '../errors.js';
import { printSize } from '../property-string.js';
import type { Site } from '../site.js';
import { isCloudInitDrive, ownDrives, printDrive } from './drives.js';
import { isTemplate, type Vm } from './model.js';
import { assertUnlocked } from './registry.js';

/** Turns a stopped VM into a template: its disks become base images, which nobody changes any more. */
export function makeTemplate(site: Site, vm: Vm, user: string): string {
  assertConvertible(vm);
  return site.tasks.fork({ node: vm.host, type: 'qmtemplate', id: String(vm.vmid), user }, ({ signal }) =>
    site.locks.hold(vm.vmid, async () => {
      await site.world.clock.delay(site.world.durations.templateTask, signal);
      site.vms.assertPresent(vm);
      assertConvertible(vm);
      vm.config.template = '1';
      convertDisks(site, vm);
    }),
  );
}

export function convertDisks(site: Site, vm: Vm): void {
  for (const { key, drive } of ownDrives(vm.config)) {
    const volume = site.volumes.get(drive.file, vm.host);
    if (isCloudInitDrive(drive) || /(^|\/)base-/.test(volume.name)) continue;
    const base = site.volumes.toBase(volume);
    vm.config[key] = printDrive({ ...drive, file: base.volid, size: printSize(base.bytes) });
  }
}

function assertConvertible(vm: Vm): void {
  assertUnlocked(vm);
  if (isTemplate(vm)) throw refusal("you can't convert a template to a template");
  if (vm.power) throw refusal("you can't convert a VM to template if VM is running");
}
