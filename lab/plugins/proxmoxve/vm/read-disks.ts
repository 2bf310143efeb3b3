import { maps, member, num, text } from '../../protocol/read-value.js';
import type { PropertyMap, Value } from '../../protocol/values.js';
import { setting } from './config.js';
import type { VmConfig } from './config.js';
import { interfacesOf } from './decode.js';
import { datastoreOf, decodeDisk, isCloudInitDrive, SPEED_OPTIONS, splitOnce } from './disks.js';
import type { StorageDevice } from './disks.js';
import type { VmApi } from './vm-api.js';

const GIB = 2 ** 30;

/**
 * The disks of a VM in the order of the state, each with its format asked of its storage.
 * @returns undefined when a clone's state has no disks: then they are not managed.
 */
export async function readDisks(
  vm: VmApi,
  config: VmConfig,
  current: PropertyMap,
  isClone: boolean,
): Promise<Value[] | undefined> {
  const known = new Map(maps(current['disks']).map((disk) => [text(disk['interface']), disk]));
  const read = new Map<string, PropertyMap>();
  for (const [name, device] of managedDisks(config, vm.vmId)) {
    read.set(name, { ...decoded(name, device), ...(await format(vm, device)), ...preserved(known.get(name), device) });
  }
  if (isClone && known.size === 0) return undefined;
  const names = known.size > 0 ? interfacesOf(current['disks']) : [...read.keys()].sort();
  const unknown = [...read.keys()].filter((name) => !names.includes(name)).sort();
  return [...names, ...unknown].flatMap((name): Value[] => {
    const disk = read.get(name);
    return disk ? [disk] : [];
  });
}

/** Every disk of a configuration that is neither a CD-ROM, nor cloud-init's, nor empty. */
export function managedDisks(config: VmConfig, vmId: number): [string, StorageDevice][] {
  return Object.keys(config)
    .filter((name) => /^(ide|sata|scsi|virtio)\d+$/.test(name))
    .map((name): [string, StorageDevice] => [name, decodeDisk(setting(config, name))])
    .filter(([, device]) => device.file !== 'none' && device.media !== 'cdrom' && !isCloudInitDrive(device, vmId));
}

function decoded(name: string, device: StorageDevice): PropertyMap {
  const [datastoreId, path] = device.file.includes(':') ? splitOnce(device.file, ':') : ['', device.file];
  const { options } = device;
  return {
    interface: name,
    datastoreId,
    pathInDatastore: path ?? '',
    size: (device.size ?? 0) / GIB,
    aio: options.aio ?? 'io_uring',
    backup: (options.backup ?? '1') === '1',
    cache: options.cache ?? 'none',
    discard: options.discard ?? 'ignore',
    iothread: options.iothread === '1',
    queues: Number(options.queues ?? 0),
    replicate: (options.replicate ?? '1') === '1',
    serial: options.serial ?? '',
    ssd: options.ssd === '1',
    speed: speed(device),
  };
}

/** Limits, or null when none is set: see NO_LIMITS in the schema. */
function speed(device: StorageDevice): PropertyMap | null {
  const entries = Object.entries(SPEED_OPTIONS);
  if (entries.every(([, option]) => device.options[option] === undefined)) return null;
  return Object.fromEntries(entries.map(([name, option]) => [name, Number(device.options[option] ?? 0)]));
}

/** The configuration omits a format that is the storage's own; then the storage is asked. */
async function format(vm: VmApi, device: StorageDevice): Promise<PropertyMap> {
  if (device.format !== undefined) return { fileFormat: device.format };
  if (!device.file.includes(':')) return {};
  const fileFormat = await vm.volumeFormat(datastoreOf(device), device.file);
  return fileFormat === undefined ? {} : { fileFormat };
}

/** What Proxmox VE does not hand back: the image that a disk was made from, and a size that it does not know. */
function preserved(disk: PropertyMap | undefined, device: StorageDevice): PropertyMap {
  const known = member(disk) ?? {};
  return {
    ...(text(known['importFrom']) && { importFrom: text(known['importFrom']) }),
    ...(text(known['fileId']) && { fileId: text(known['fileId']) }),
    ...(device.size === undefined && num(known['size']) > 0 ? { size: num(known['size']) } : {}),
  };
}
