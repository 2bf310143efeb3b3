import { randomUUID } from 'node:crypto';
import { badParameters, reasonOf, refusal } from '../errors.js';
import { CLONE_LOCK_PATIENCE, lockTimeout } from '../locks.js';
import { printSize } from '../property-string.js';
import type { Site } from '../site.js';
import type { TaskHandle } from '../tasks.js';
import type { Volume } from '../volumes.js';
import { isCloudInitDrive, ownDrives, printDrive } from './drives.js';
import { isTemplate, nameOf, type Config, type Vm } from './model.js';
import { parseNic, printNic, randomMac } from './nics.js';
import { assertUnlocked } from './registry.js';
import { withUuid } from './smbios.js';

export interface CloneOrder {
  newid: number;
  name?: string;
  description?: string;
  pool?: string;
  /** Default: a template's clone is linked, any other one full. */
  full?: boolean;
  storage?: string;
  /** Another host, for which everything must be on shared storage. */
  target?: string;
}

/**
 * Clones a VM or template. The new id is taken, and locked, from the moment of the answer.
 * @throws PveError for whatever can be said before the copying starts, contention for the source's lock file included:
 * a running source, or one with disks on local storage, is one clone's at a time.
 */
export async function cloneVm(site: Site, source: Vm, order: CloneOrder, user: string): Promise<string> {
  if (order.name !== undefined && site.world.faults.strikes('clone-lock', order.name)) throw lockTimeout(source.vmid);
  checkClone(site, source, order);
  const mode = source.power || !onlyShared(site, source) ? 'exclusive' : 'shared';
  const release = await site.locks.acquire(source.vmid, mode, CLONE_LOCK_PATIENCE);
  try {
    checkClone(site, source, order);
    const vm = site.vms.reserve(order.newid, source.host, 'clone');
    const task = { node: source.host, type: 'qmclone', id: String(source.vmid), user };
    return site.tasks.fork(task, (handle) =>
      copy(site, source, vm, order, handle)
        .finally(release)
        .then(() => {
          site.announce('vm.created', vm, user);
        }),
    );
  } catch (error) {
    release();
    throw error;
  }
}

async function copy(site: Site, source: Vm, vm: Vm, order: CloneOrder, task: TaskHandle): Promise<void> {
  const made: Volume[] = [];
  try {
    task.log(`creating a clone of VM ${source.vmid} with ID ${order.newid}`);
    const config = clonedOptions(source.config, nameOf(source), order);
    for (const { key, drive } of ownDrives(source.config)) {
      const volume = cloneVolume(site, source, order, drive.file, isCloudInitDrive(drive));
      made.push(volume);
      task.log(`create ${isFull(source, order) ? 'full' : 'linked'} clone of drive ${key} (${drive.file})`);
      config[key] = printDrive({ ...drive, file: volume.volid, size: printSize(volume.bytes) });
    }
    await site.world.clock.delay(site.world.durations.clone, task.signal);
    site.vms.assertPresent(vm);
    if (site.world.faults.strikes('clone-task-fails', config.name)) {
      throw refusal("copy failed: command '/usr/bin/qemu-img convert -p -n -f raw -O raw' failed: exit code 1");
    }
    vm.config = config;
    if (order.target !== undefined) vm.host = order.target;
    delete vm.lock;
    if (order.pool !== undefined) site.pools.add(order.pool, order.newid);
  } catch (error) {
    for (const volume of made) site.volumes.free(volume);
    site.vms.remove(vm);
    throw refusal(`clone failed: ${reasonOf(error)}`);
  }
}

/** A full clone gets the content as it is now, all of its own. */
function cloneVolume(site: Site, source: Vm, order: CloneOrder, volid: string, cloudInit: boolean): Volume {
  const original = site.volumes.get(volid, source.host);
  if (!isFull(source, order) && !cloudInit) return site.volumes.link(original, source.host, order.newid);
  return site.volumes.allocate({
    storage: order.storage ?? original.storage,
    host: source.host,
    vmid: order.newid,
    bytes: original.bytes,
    content: structuredClone(original.content),
    ...(cloudInit ? { suffix: 'cloudinit' as const } : {}),
  });
}

/** Everything but disks: new MACs, a new SMBIOS UUID, no template any more; protection and tags are copied. */
function clonedOptions(config: Config, sourceName: string, order: CloneOrder): Config & { name: string } {
  const own = ownDrives(config).map(({ key }) => key);
  const entries = Object.entries(config).filter(([key]) => !own.includes(key) && !/^(unused\d+|template)$/.test(key));
  const options = Object.fromEntries(
    entries.map(([key, value]) => [key, /^net\d+$/.test(key) ? freshNic(key, value) : value]),
  );
  return {
    ...options,
    name: order.name ?? `Copy-of-VM-${sourceName}`,
    smbios1: withUuid(config.smbios1),
    ...(config.vmgenid === undefined ? {} : { vmgenid: randomUUID() }),
    ...(order.description === undefined ? {} : { description: order.description.trimEnd() }),
  };
}

function freshNic(key: string, value: string): string {
  return printNic({ ...parseNic(key, value), mac: randomMac() });
}

function isFull(source: Vm, order: CloneOrder): boolean {
  return order.full ?? !isTemplate(source);
}

function onlyShared(site: Site, vm: Vm): boolean {
  return ownDrives(vm.config).every(({ drive }) => site.volumes.storage(drive.file.split(':')[0]!).shared);
}

function checkClone(site: Site, source: Vm, order: CloneOrder): void {
  const { newid, storage, target, pool } = order;
  if (pool !== undefined) site.pools.get(pool);
  if (target !== undefined && !site.hosts.find(target)) throw refusal(`no such cluster node '${target}'`);
  if (storage !== undefined) checkStorage(site, storage, source.host, target);
  assertUnlocked(source);
  if (storage !== undefined && !isFull(source, order)) {
    throw refusal(`parameter 'storage' not allowed for linked clones`);
  }
  if (target !== undefined && !onlyShared(site, source)) {
    throw refusal(`can't clone VM to node '${target}' (VM uses local storage)`);
  }
  if (site.vms.find(newid)) throw refusal(`unable to create VM ${newid}: config file already exists`);
}

function checkStorage(site: Site, storage: string, host: string, target: string | undefined): void {
  const { content, shared } = site.volumes.enabled(storage, host);
  if (!content.includes('images')) throw badParameters({ storage: `storage '${storage}' does not support vm images` });
  if (target === undefined) return;
  site.volumes.enabled(storage, target);
  if (!shared) throw refusal(`can't clone to non-shared storage '${storage}'`);
}
