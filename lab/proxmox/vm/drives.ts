import { badParameters, refusal } from '../errors.js';
import { parseProperties, printProperties, printSize, type Properties } from '../property-string.js';
import type { Volume, Volumes } from '../volumes.js';
import type { Config } from './model.js';

const DRIVE = /^(ide[0-3]|sata[0-5]|scsi([0-9]|[12][0-9]|30)|virtio([0-9]|1[0-5])|efidisk0|tpmstate0)$/;
const NEW_DISK = /^([^/:\s]+):(\d+(?:\.\d+)?)$/;
const CLOUD_INIT = /[:/]vm-\d+-cloudinit(\.\w+)?$/;

/** Sizes that don't come from the request. */
const CLOUD_INIT_BYTES = 4 * 2 ** 20;
const EFI_BYTES = 528 * 2 ** 10;
const TPM_BYTES = 4 * 2 ** 20;

/** Where a drive's volumes are made: the storages, and the VM they belong to. */
export interface DriveSite {
  volumes: Volumes;
  vmid: number;
  host: string;
}

export function isDrive(key: string): boolean {
  return DRIVE.test(key);
}

export function parseDrive(value: string): Properties & { file: string } {
  return { file: 'none', ...parseProperties(value, 'file') };
}

export function printDrive(drive: Properties): string {
  return printProperties(drive, 'file');
}

/** A drive that nobody owns: `none`, a host's own drive, an ISO image. */
export function isCdrom(drive: Properties): boolean {
  return (drive.media === 'cdrom' || drive.file === 'none' || drive.file === 'cdrom') && !isCloudInitDrive(drive);
}

export function isCloudInitDrive(drive: Properties): boolean {
  return CLOUD_INIT.test(drive.file ?? '');
}

/** Drives of a configuration that hold a volume of their own, with unused ones when asked. */
export function ownDrives(config: Config, unused = false): { key: string; drive: Properties & { file: string } }[] {
  return Object.keys(config)
    .filter((key) => isDrive(key) || (unused && /^unused\d+$/.test(key)))
    .sort()
    .map((key) => ({ key, drive: parseDrive(config[key]!) }))
    .filter(({ drive }) => !isCdrom(drive));
}

/** The cloud-init drive's key, when there is one. */
export function cloudInitKey(config: Config): string | undefined {
  return ownDrives(config).find(({ drive }) => isCloudInitDrive(drive))?.key;
}

/** @throws PveError for what can be said without touching a storage. */
export function checkDrives(params: Config): void {
  for (const [key, value] of Object.entries(params).filter(([name]) => isDrive(name))) {
    const drive = parseDrive(value);
    if (drive['import-from'] === undefined) continue;
    const match = NEW_DISK.exec(drive.file);
    if (!match || Number(match[2]) !== 0) {
      const use = `use <storage ID>:0,import-from=<source>`;
      throw badParameters({ [key]: `'import-from' requires special syntax - ${use}` });
    }
  }
}

/**
 * Makes what a drive's value asks for: a new disk (`storage:GB`), an imported one, a cloud-init drive, or nothing when
 * the volume exists. Answers the value to keep, and the volume when one was made.
 * @throws PveError when a storage refuses; nothing is left then.
 */
export function attachDrive(
  site: DriveSite,
  key: string,
  value: string,
  config: Config,
): { value: string; made?: Volume } {
  const drive: Properties = parseDrive(value);
  const source = drive['import-from'];
  delete drive['import-from'];
  // The volume's own size counts, whatever was sent.
  delete drive.size;
  // First: a cloud-init drive that is still to be made says media=cdrom, too.
  if (drive.file!.endsWith(':cloudinit')) return attachCloudInit(site, key, drive, config);
  if (isCdrom(drive)) return { value: printDrive(drive) };
  const wanted = NEW_DISK.exec(drive.file!);
  if (!wanted) {
    const bytes = site.volumes.get(drive.file!, site.host).bytes;
    return { value: printDrive({ ...drive, size: printSize(bytes) }) };
  }
  const made = source
    ? importDisk(site, wanted[1]!, source)
    : allocate(site, wanted[1]!, fixedBytes(key) ?? Number(wanted[2]) * 2 ** 30);
  delete drive.format;
  return { value: printDrive({ ...drive, file: made.volid, size: printSize(made.bytes) }), made };
}

function attachCloudInit(
  site: DriveSite,
  key: string,
  drive: Properties,
  config: Config,
): { value: string; made: Volume } {
  const other = cloudInitKey(config);
  if (other !== undefined && other !== key) {
    throw refusal(`${key} - cloud-init drive is already attached at '${other}'`);
  }
  const storage = drive.file!.slice(0, -':cloudinit'.length);
  const made = site.volumes.allocate({ ...site, storage, bytes: CLOUD_INIT_BYTES, suffix: 'cloudinit' });
  delete drive.format;
  return { value: printDrive({ ...drive, file: made.volid, media: 'cdrom' }), made };
}

/** The disk gets the image's own size and content; it is grown by a resize later. */
function importDisk(site: DriveSite, storage: string, source: string): Volume {
  try {
    const image = site.volumes.get(source, site.host);
    return allocate(site, storage, image.bytes, image);
  } catch (error) {
    throw refusal(`cannot import from '${source}' - ${(error as Error).message}`);
  }
}

function allocate(site: DriveSite, storage: string, bytes: number, source?: Volume): Volume {
  const content = source && { content: structuredClone(source.content) };
  return site.volumes.allocate({ ...site, storage, bytes, ...content });
}

function fixedBytes(key: string): number | undefined {
  if (key === 'efidisk0') return EFI_BYTES;
  return key === 'tpmstate0' ? TPM_BYTES : undefined;
}

/** Keeps a volume that lost its drive as the next free `unusedN`; a cloud-init drive is removed for good. */
export function detachDrive(site: DriveSite, config: Config, value: string): void {
  const drive = parseDrive(value);
  if (isCdrom(drive)) return;
  const volume = site.volumes.find(drive.file, site.host);
  if (!volume) return;
  if (isCloudInitDrive(drive)) return site.volumes.free(volume);
  if (volume.owner !== site.vmid) return;
  let number = 0;
  while (config[`unused${number}`] !== undefined) number += 1;
  config[`unused${number}`] = volume.volid;
}
