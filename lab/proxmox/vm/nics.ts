import { randomBytes } from 'node:crypto';
import { badParameters } from '../errors.js';
import { parseProperties, printProperties } from '../property-string.js';

const MODELS = new Set(
  'e1000 e1000-82540em e1000-82544gc e1000-82545em e1000e i82551 i82557b i82559er ne2k_isa ne2k_pci pcnet rtl8139 virtio vmxnet3'.split(
    ' ',
  ),
);
const MAC = /^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/i;

export interface Nic {
  model: string;
  mac: string;
  /** bridge, tag, trunks, mtu, firewall ... */
  options: Record<string, string>;
}

/** Proxmox' own prefix for the addresses it makes up. */
export function randomMac(): string {
  const tail = [...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase());
  return ['BC:24:11', ...tail].join(':');
}

/**
 * A netN value in any of its spellings: `virtio=MAC,...`, `virtio,...`, `model=virtio,macaddr=MAC,...`.
 * A MAC address that isn't given is made up. @throws PveError when it can't be read.
 */
export function parseNic(key: string, text: string): Nic {
  const { model: named, macaddr, ...rest } = parseProperties(text, 'model');
  const alias = Object.keys(rest).find((property) => MODELS.has(property));
  const model = named ?? alias;
  const mac = (alias === undefined ? macaddr : rest[alias]) ?? randomMac();
  if (alias !== undefined) delete rest[alias];
  if (model === undefined || !MODELS.has(model)) throw badParameters({ [key]: 'invalid format - model is missing' });
  if (!MAC.test(mac))
    throw badParameters({ [key]: 'invalid format - macaddr: value is not a valid unicast MAC address' });
  return { model, mac, options: rest };
}

/** The model with its MAC first: `virtio=MAC,bridge=vmbr0,tag=62`. */
export function printNic({ model, mac, options }: Nic): string {
  return `${model}=${printProperties({ mac, ...options }, 'mac')}`;
}
