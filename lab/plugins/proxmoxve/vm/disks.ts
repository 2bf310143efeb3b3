import { flag, maps, member, num, text } from '../../protocol/read-value.js';
import type { PropertyMap, Value } from '../../protocol/values.js';

const GIB = 2 ** 30;

/** A disk as Proxmox VE's configuration has it; undefined is what the configuration does not mention. */
export interface StorageDevice {
  /** STORAGE:SIZE_IN_GIB for a new disk, STORAGE:VOLUME for one that exists. */
  file: string;
  importFrom?: string;
  format?: string;
  media?: string;
  /** Bytes. */
  size?: number;
  options: DiskOptions;
}

export type DiskOptions = Partial<Record<DiskOption, string>>;

/** In the order in which the real provider writes them. */
const OPTIONS = [
  'aio',
  'backup',
  'iops_rd',
  'iops_wr',
  'iops_rd_max',
  'iops_wr_max',
  'iothread',
  'queues',
  'serial',
  'ssd',
  'discard',
  'cache',
  'mbps_rd_max',
  'mbps_wr_max',
  'mbps_rd',
  'mbps_wr',
  'replicate',
] as const;
export type DiskOption = (typeof OPTIONS)[number];

export const SPEED_OPTIONS = {
  iopsRead: 'iops_rd',
  iopsReadBurstable: 'iops_rd_max',
  iopsWrite: 'iops_wr',
  iopsWriteBurstable: 'iops_wr_max',
  read: 'mbps_rd',
  readBurstable: 'mbps_rd_max',
  write: 'mbps_wr',
  writeBurstable: 'mbps_wr_max',
} as const;

/** The disks that a VM's properties ask for, by interface. @throws Error for an interface that is none. */
export function plannedDisks(value: Value | undefined): Map<string, StorageDevice> {
  const disks = new Map<string, StorageDevice>();
  for (const disk of maps(value)) {
    const name = text(disk['interface']);
    if (!/^(scsi|sata|virtio|ide)\d+$/.test(name)) {
      throw new Error(
        `Defined disk interface not supported. Interface was ${name}, but only scsi, sata, virtio, ide are`,
      );
    }
    disks.set(name, plannedDisk(name, disk));
  }
  return disks;
}

function plannedDisk(name: string, disk: PropertyMap): StorageDevice {
  const datastore = text(disk['datastoreId']);
  const path = text(disk['pathInDatastore']);
  return {
    file: path === '' ? `${datastore}:${num(disk['size'])}` : `${datastore}:${path}`,
    ...(text(disk['importFrom']) && { importFrom: text(disk['importFrom']) }),
    ...(text(disk['fileFormat']) && { format: text(disk['fileFormat']) }),
    size: num(disk['size']) * GIB,
    options: plannedOptions(name, disk),
  };
}

function plannedOptions(name: string, disk: PropertyMap): DiskOptions {
  const options: DiskOptions = {};
  const set = (option: DiskOption, value: string): void => void (value !== '' && (options[option] = value));
  const bit = (value: Value | undefined): string => (flag(value) ? '1' : '0');
  set('aio', text(disk['aio']));
  set('backup', bit(disk['backup']));
  set('cache', text(disk['cache']));
  set('discard', text(disk['discard']));
  set('serial', text(disk['serial']));
  set('replicate', bit(disk['replicate']));
  if (!name.startsWith('virtio')) set('ssd', bit(disk['ssd']));
  if (!/^(sata|ide)/.test(name)) set('iothread', bit(disk['iothread']));
  if (num(disk['queues']) > 0) set('queues', String(num(disk['queues'])));
  const speed = member(disk['speed']) ?? {};
  for (const [property, option] of Object.entries(SPEED_OPTIONS)) {
    if (num(speed[property]) > 0) set(option, String(num(speed[property])));
  }
  return options;
}

/** The configuration's text of a disk. */
export function encodeDisk(device: StorageDevice): string {
  const imported = device.importFrom !== undefined;
  const file = imported ? `${device.file.split(':')[0]}:0` : device.file;
  return [
    `file=${file}`,
    ...(imported ? [`import-from=${device.importFrom}`] : []),
    ...(device.format === undefined ? [] : [`format=${device.format}`]),
    ...(device.media === undefined ? [] : [`media=${device.media}`]),
    ...(device.size === undefined ? [] : [`size=${device.size}`]),
    ...OPTIONS.flatMap((option) =>
      device.options[option] === undefined ? [] : [`${option}=${device.options[option]}`],
    ),
  ].join(',');
}

/** Reads the configuration's text of a disk. */
export function decodeDisk(value: string): StorageDevice {
  const device: StorageDevice = { file: '', options: {} };
  for (const part of value.split(',')) {
    const [name = '', content] = splitOnce(part.trim(), '=');
    if (content === undefined) device.file = name;
    else if (name === 'file') device.file = content;
    else if (name === 'format') device.format = content;
    else if (name === 'media') device.media = content;
    else if (name === 'size') device.size = parseSize(content);
    else if (isOption(name)) device.options[name] = content;
  }
  const extension = /\.(\w+)$/.exec(splitOnce(device.file, ':')[1] ?? '')?.[1];
  if (device.format === undefined && extension !== undefined) device.format = extension;
  return device;
}

function isOption(name: string): name is DiskOption {
  return (OPTIONS as readonly string[]).includes(name);
}

const UNITS: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: GIB, T: 2 ** 40 };

function parseSize(size: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(size);
  if (!match) throw new Error(`disk size: expected a number with K, M, G or T, found '${size}'`);
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1));
}

export function splitOnce(value: string, separator: string): [string, string | undefined] {
  const at = value.indexOf(separator);
  return at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + separator.length)];
}

export function datastoreOf(device: StorageDevice): string {
  return splitOnce(device.file, ':')[0];
}

export function isCloudInitDrive(device: StorageDevice, vmId: number): boolean {
  return device.file.includes(`vm-${vmId}-cloudinit`);
}

/** Takes over the planned options; true when that changed anything. */
export function mergeOptions(current: StorageDevice, planned: StorageDevice): boolean {
  let changed = false;
  for (const option of OPTIONS) {
    const value = planned.options[option];
    if (value === undefined || value === current.options[option]) continue;
    current.options[option] = value;
    changed = true;
  }
  return changed;
}
