import { randomUUID } from 'node:crypto';
import { parseProperties, printProperties } from '../property-string.js';
import type { Config } from './model.js';

const NO_UUID = '00000000-0000-0000-0000-000000000000';

/**
 * The SMBIOS system UUID, lower case. It stays plain text when `base64=1` encodes the other fields.
 * All zeros when the block has none, which is what QEMU shows a guest then.
 */
export function uuidOf(config: Config): string {
  return (parseProperties(config.smbios1 ?? '', 'uuid').uuid ?? NO_UUID).toLowerCase();
}

/** The block with another UUID; serial and the like stay, still encoded. */
export function withUuid(smbios1: string | undefined, uuid: string = randomUUID()): string {
  const fields = { ...parseProperties(smbios1 ?? '', 'uuid'), uuid };
  return printProperties(fields, '');
}
