import { randomUUID } from 'node:crypto';
import { badParameters } from '../errors.js';
import { parseFlag, splitList } from '../property-string.js';
import { isDrive } from './drives.js';
import { parseNic, printNic } from './nics.js';
import type { Config } from './model.js';

const FLAGS = words(
  'acpi autostart ciupgrade freeze keephugepages kvm localtime numa onboot protection reboot tablet tdf template',
);
const INTEGERS = words('balloon cores cpuunits migrate_speed shares smp sockets vcpus');
const TEXTS = words(
  'affinity agent allow-ksm amd-sev arch args audio0 bios boot bootdisk cicustom cipassword citype ciuser cpu cpulimit ' +
    'description hookscript hotplug hugepages intel-tdx ivshmem keyboard machine memory migrate_downtime name nameserver ' +
    'ostype rng0 scsihw searchdomain smbios1 spice_enhancements sshkeys startdate startup tags vga vmgenid ' +
    'vmstatestorage watchdog',
);
const NUMBERED =
  /^(hostpci([0-9]|1[0-5])|ipconfig([0-9]|[12][0-9]|3[01])|net([0-9]|[12][0-9]|3[01])|numa\d|parallel[0-2]|serial[0-3]|usb([0-9]|1[0-4])|virtiofs\d|unused\d{1,3})$/;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const TAG = /^[a-z0-9_][a-z0-9_\-+.]*$/i;

function words(list: string): Set<string> {
  return new Set(list.split(' '));
}

/** Whether a VM's configuration knows such a key. */
export function isOption(key: string): boolean {
  return FLAGS.has(key) || INTEGERS.has(key) || TEXTS.has(key) || NUMBERED.test(key) || isDrive(key);
}

/** Cloud-init keys: a change shows in the configuration at once, in the guest at its next start. */
export function isCloudInit(key: string): boolean {
  return /^(ipconfig\d+|nameserver|searchdomain|sshkeys|ciuser|cipassword|cicustom|citype|ciupgrade)$/.test(key);
}

/**
 * The values as Proxmox keeps them: booleans as 1 and 0, NICs with a MAC, tags sorted.
 * @throws PveError naming every key that is unknown or wrong.
 */
export function normalise(params: Config): Config {
  const errors: Record<string, string> = {};
  const config: Config = {};
  for (const [key, value] of Object.entries(params)) {
    if (!isOption(key)) {
      errors[key] = 'property is not defined in schema and the schema does not allow additional properties';
      continue;
    }
    const problem = check(key, value);
    if (problem !== undefined) errors[key] = problem;
    else config[key] = settle(key, value);
  }
  if (Object.keys(errors).length > 0) throw badParameters(errors);
  return config;
}

/** Numbers and booleans are JSON numbers in answers, everything else is text. */
export function typed(config: Config): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, FLAGS.has(key) || INTEGERS.has(key) ? Number(value) : value]),
  );
}

function check(key: string, value: string): string | undefined {
  if (FLAGS.has(key) && parseFlag(value) === undefined) return `type check ('boolean') failed - got '${value}'`;
  if (INTEGERS.has(key) && !/^-?\d+$/.test(value)) return `type check ('integer') failed - got '${value}'`;
  if (key === 'name' && !DNS_NAME.test(value)) {
    return 'invalid format - value does not look like a valid DNS name';
  }
  if (key === 'memory' && !(Number(value.replace(/^current=/, '')) >= 16))
    return 'value must have a minimum value of 16';
  if (key === 'tags') {
    const wrong = splitList(value).find((tag) => !TAG.test(tag));
    if (wrong !== undefined) return `invalid format - invalid characters in tag '${wrong}'`;
  }
  return undefined;
}

function settle(key: string, value: string): string {
  if (FLAGS.has(key)) return parseFlag(value) ? '1' : '0';
  if (key === 'tags') return [...new Set(splitList(value).map((tag) => tag.toLowerCase()))].sort().join(';');
  if (/^net\d+$/.test(key)) return printNic(parseNic(key, value));
  if (key === 'description') return value.trimEnd();
  if (key === 'vmgenid' && value === '1') return randomUUID();
  return value;
}
