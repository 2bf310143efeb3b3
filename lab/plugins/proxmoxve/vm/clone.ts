import { flag, items, maps, member, num, text } from '../../protocol/read-value.js';
import { Deadline } from '../../protocol/timing.js';
import type { PropertyMap } from '../../protocol/values.js';
import type { Params } from '../api.js';
import { setting } from './config.js';
import type { VmConfig } from './config.js';
import { cloudInitVolume, finishCreation, finishing, named, upgrade } from './create.js';
import { datastoreOf, decodeDisk, encodeDisk, isCloudInitDrive, mergeOptions, plannedDisks } from './disks.js';
import type { StorageDevice } from './disks.js';
import * as encode from './encode.js';
import { VM_SCHEMA } from './schema.js';
import type { VmApi } from './vm-api.js';

export const MAX_NICS = 32;
export const MAX_SERIALS = 4;

const STORAGE = /^(ide|sata|scsi|virtio)\d+$/;

/** Clones a VM from a template, gives it its configuration and disks, and starts it. */
export async function cloneVm(vm: VmApi, planned: PropertyMap): Promise<void> {
  const deadline = new Deadline(num(planned['timeoutClone']));
  await copy(vm, planned, deadline);
  await finishing(async () => {
    await vm.waitUntilUnlocked(deadline);
    await configure(vm, planned);
    await arrangeDisks(vm, planned, deadline);
    await finishCreation(vm, planned, deadline);
  });
}

/** From another host straight to its place when every datastore is shared, else by way of a migration. */
async function copy(vm: VmApi, planned: PropertyMap, deadline: Deadline): Promise<void> {
  const clone = member(planned['clone']) ?? {};
  const source = vm.on(text(clone['nodeName']) || vm.node, num(clone['vmId']));
  const params = cloneParams(vm, planned);
  const attempts = num(clone['retries']);
  if (source.node === vm.node) return source.clone(params, attempts, deadline);
  if (await onlyShared(source)) return source.clone({ ...params, target: vm.node }, attempts, deadline);
  await source.clone(params, attempts, deadline);
  const local = vm.on(source.node);
  await local.waitUntilUnlocked(deadline);
  const storage = text(clone['datastoreId']);
  const target = { target: vm.node, 'with-local-disks': true, ...(storage && { targetstorage: storage }) };
  await local.migrate(target, deadline);
}

function cloneParams(vm: VmApi, planned: PropertyMap): Params {
  const clone = member(planned['clone']) ?? {};
  return {
    newid: vm.vmId,
    full: flag(clone['full']),
    ...named({
      description: text(planned['description']),
      name: text(planned['name']),
      pool: text(planned['poolId']),
      storage: text(clone['datastoreId']),
    }),
  };
}

/** Trap, copied: a CD-ROM drive counts as a datastore, and its status request fails the clone. */
async function onlyShared(source: VmApi): Promise<boolean> {
  const config = await source.config();
  const devices = Object.keys(config)
    .filter((name) => STORAGE.test(name))
    .map((name) => decodeDisk(setting(config, name)));
  const datastores = new Set(devices.filter((device) => device.file !== 'none').map(datastoreOf));
  for (const datastore of datastores) if (!(await source.isShared(datastore))) return false;
  return true;
}

async function configure(vm: VmApi, planned: PropertyMap): Promise<void> {
  const config = await vm.config();
  const removals = [
    ...surplus('net', maps(planned['networkDevices']).length, MAX_NICS),
    ...surplus('serial', items(planned['serialDevices']).length, MAX_SERIALS),
  ];
  await vm.updateConfig({
    ...settings(vm.vmId, planned),
    ...(await cloudInit(vm, planned, config)),
    ...(removals.length > 0 && { delete: removals.join(',') }),
  });
}

/** The keys of one kind beyond those that are planned; none when the kind is not managed. */
export function surplus(prefix: string, count: number, limit: number): string[] {
  if (count === 0) return [];
  return Array.from({ length: limit - count }, (_, i) => `${prefix}${count + i}`);
}

/** Everything but disks. What is at its default is left as the template has it. */
function settings(vmId: number, planned: PropertyMap): Params {
  const unlessDefault = (name: string): string => {
    const value = text(planned[name]);
    return value === VM_SCHEMA[name]?.default ? '' : value;
  };
  return {
    onboot: flag(planned['onBoot']),
    ostype: text(member(planned['operatingSystem'])?.['type']),
    ...(!flag(planned['acpi']) && { acpi: false }),
    ...(!flag(planned['tabletDevice']) && { tablet: false }),
    ...(flag(planned['protection']) && { protection: true }),
    ...encode.agent(planned['agent']),
    ...encode.bootOrder(planned['bootOrders']),
    ...encode.cdrom(planned['cdrom']),
    ...encode.cpu(planned['cpu']),
    ...encode.hostpcis(planned['hostpcis']),
    ...encode.memory(planned['memory'], vmId),
    ...encode.networkDevices(planned['networkDevices']),
    ...encode.serialDevices(planned['serialDevices']),
    ...encode.smbios(planned['smbios']),
    ...encode.startup(planned['startup']),
    ...encode.vga(planned['vga']),
    ...named({
      args: text(planned['kvmArguments']),
      bios: unlessDefault('bios'),
      hotplug: text(planned['hotplug']),
      keyboard: unlessDefault('keyboardLayout'),
      machine: text(planned['machine']),
      scsihw: unlessDefault('scsiHardware'),
      tags: encode.tags(planned['tags']),
    }),
  };
}

/** cloud-init's drive takes the place of the template's, which is removed first. */
async function cloudInit(vm: VmApi, planned: PropertyMap, config: VmConfig): Promise<Params> {
  const block = member(planned['initialization']);
  if (!block) return {};
  const existing = cloudInitInterface(config, vm.vmId) ?? 'ide2';
  const name = text(block['interface']) || existing;
  await vm.updateConfig({ delete: [...new Set([name, existing])].join(',') });
  return { [name]: cloudInitVolume(block), ...encode.cloudInit(block), ...upgrade(block) };
}

export function cloudInitInterface(config: VmConfig, vmId: number): string | undefined {
  return Object.keys(config).find(
    (name) => STORAGE.test(name) && isCloudInitDrive(decodeDisk(setting(config, name)), vmId),
  );
}

/** Trap, copied: disks are arranged in random order, so nothing may depend on one coming before another. */
async function arrangeDisks(vm: VmApi, planned: PropertyMap, deadline: Deadline): Promise<void> {
  const config = await vm.config();
  const wanted = [...plannedDisks(planned['disks'])].sort(() => Math.random() - 0.5);
  for (const [name, device] of wanted) {
    const existing = setting(config, name);
    if (existing === '') await vm.updateConfig({ [name]: encodeDisk(device) });
    else await arrangeDisk(vm, name, decodeDisk(existing), device, deadline);
  }
  if (member(planned['efiDisk'])) await placeState(vm, 'efidisk0', planned['efiDisk'], config, deadline);
  if (member(planned['tpmState'])) await placeState(vm, 'tpmstate0', planned['tpmState'], config, deadline);
}

async function arrangeDisk(
  vm: VmApi,
  name: string,
  current: StorageDevice,
  planned: StorageDevice,
  deadline: Deadline,
): Promise<void> {
  const [size, wanted] = [current.size ?? 0, planned.size ?? 0];
  if (wanted < size) {
    throw new Error(`disk resize failure: requested size (${wanted} bytes) is lower than current size (${size} bytes)`);
  }
  mergeOptions(current, planned);
  await vm.updateConfig({ [name]: encodeDisk(current) });
  if (datastoreOf(planned) !== '' && datastoreOf(planned) !== datastoreOf(current)) {
    await vm.moveDisk(name, datastoreOf(planned), deadline);
  }
  if (wanted > size) await vm.resize(name, wanted, deadline);
}

async function placeState(
  vm: VmApi,
  name: 'efidisk0' | 'tpmstate0',
  value: PropertyMap[string],
  config: VmConfig,
  deadline: Deadline,
): Promise<void> {
  const existing = setting(config, name);
  if (existing === '') {
    await vm.updateConfig(name === 'efidisk0' ? encode.efiDisk(value) : encode.tpmState(value));
    return;
  }
  const storage = text(member(value)?.['datastoreId']);
  if (storage !== '' && storage !== datastoreOf(decodeDisk(existing))) await vm.moveDisk(name, storage, deadline);
}
