import { reasonOf, refusal } from '../errors.js';
import type { Site } from '../site.js';
import type { TaskHandle } from '../tasks.js';
import type { Volume } from '../volumes.js';
import { ownDrives } from './drives.js';
import { isTemplate, type Vm } from './model.js';
import { assertUnlocked, assertUnprotected } from './registry.js';

/**
 * Removes a VM with the volumes its configuration names; with `unreferenced`, every other image that carries its id,
 * too. Without, such orphans stay.
 */
export function destroyVm(site: Site, vm: Vm, unreferenced: boolean, user: string): string {
  assertRemovable(vm);
  return site.tasks.fork({ node: vm.host, type: 'qmdestroy', id: String(vm.vmid), user }, (task) =>
    site.locks.hold(vm.vmid, async () => {
      await site.world.clock.delay(site.world.durations.destroy, task.signal);
      site.vms.assertPresent(vm);
      assertRemovable(vm);
      assertUnlocked(vm);
      assertNoLinkedClones(site, vm);
      freeVolumes(site, vm, unreferenced, task);
      removeVm(site, vm, user);
    }),
  );
}

/** Takes the VM's configuration away and says so; one that was still being made had never been announced. */
export function removeVm(site: Site, vm: Vm, by: string): void {
  site.vms.remove(vm);
  site.pools.remove(vm.vmid);
  if (vm.lock !== 'create' && vm.lock !== 'clone') site.announce('vm.deleted', vm, by);
}

/** What can't be removed is left, with a warning: an orphan. */
export function freeVolumes(site: Site, vm: Vm, unreferenced: boolean, task?: TaskHandle): void {
  const free = (volume: Volume | undefined): void => {
    if (volume?.owner !== vm.vmid) return;
    try {
      site.volumes.free(volume);
    } catch (error) {
      task?.warn(`Could not remove disk '${volume.volid}', check manually: ${reasonOf(error)}`);
    }
  };
  for (const { drive } of ownDrives(vm.config, true)) free(site.volumes.find(drive.file, vm.host));
  if (unreferenced) for (const volume of site.volumes.ownedBy(vm.vmid, vm.host)) free(volume);
}

function assertRemovable(vm: Vm): void {
  assertUnprotected(vm.config, `can't remove VM ${vm.vmid}`);
  if (vm.power) throw refusal(`VM ${vm.vmid} is running - destroy failed`);
}

function assertNoLinkedClones(site: Site, vm: Vm): void {
  if (!isTemplate(vm)) return;
  for (const { drive } of ownDrives(vm.config, true)) {
    const volume = site.volumes.find(drive.file, vm.host);
    if (volume && site.volumes.isUsed(volume)) {
      throw refusal(`base volume '${volume.volid}' is still in use by linked cloned`);
    }
  }
}
