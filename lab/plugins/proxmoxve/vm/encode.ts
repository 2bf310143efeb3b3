import { randomUUID } from 'node:crypto';
import { flag, items, maps, member, num, text, texts } from '../../protocol/read-value.js';
import type { PropertyMap, Value } from '../../protocol/values.js';
import type { Params } from '../api.js';

/** From a VM's properties to Proxmox VE's configuration parameters, one function a block. */

const bit = (name: string, value: Value | undefined): string => `${name}=${flag(value) ? 1 : 0}`;
const pair = (name: string, value: string): string[] => (value === '' ? [] : [`${name}=${value}`]);
const pairIf = (name: string, value: number): string[] => (value === 0 ? [] : [`${name}=${value}`]);

export function agent(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  const options = [bit('enabled', block['enabled']), bit('fstrim_cloned_disks', block['trim'])];
  return { agent: [...options, `type=${text(block['type'])}`].join(',') };
}

export function bootOrder(value: Value | undefined): Params {
  const devices = texts(value);
  return devices.length === 0 ? {} : { boot: `order=${devices.join(';')}` };
}

export function cdrom(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  return { [text(block['interface'])]: `file=${text(block['fileId']) || 'cdrom'},media=cdrom,` };
}

export function cpu(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  const flags = texts(block['flags']);
  const type = text(block['type']);
  return {
    cores: num(block['cores']),
    sockets: num(block['sockets']),
    numa: flag(block['numa']),
    cpu: flags.length > 0 ? `cputype=${type},flags=${flags.join(';')}` : type,
    ...(text(block['architecture']) && { arch: text(block['architecture']) }),
    ...(text(block['affinity']) && { affinity: text(block['affinity']) }),
    ...(num(block['hotplugged']) > 0 && { vcpus: num(block['hotplugged']) }),
    ...(num(block['limit']) > 0 && { cpulimit: num(block['limit']) }),
    ...(num(block['units']) > 0 && { cpuunits: num(block['units']) }),
  };
}

export function efiDisk(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  const options = [`file=${text(block['datastoreId'])}:1`, `format=${text(block['fileFormat']) || 'raw'}`];
  options.push(`efitype=${text(block['type'])}`, bit('pre-enrolled-keys', block['preEnrolledKeys']));
  return { efidisk0: options.join(',') };
}

export function tpmState(value: Value | undefined): Params {
  const block = member(value);
  return block ? { tpmstate0: `file=${text(block['datastoreId'])}:1,version=${text(block['version'])}` } : {};
}

export function hostpcis(value: Value | undefined): Params {
  const params: Params = {};
  for (const device of maps(value)) {
    const name = text(device['device']);
    if (text(device['id']) === '' && text(device['mapping']) === '') {
      throw new Error(`failed to encode PCI device ${name}: either device ID or resource mapping must be set`);
    }
    params[name] = [
      ...pair('host', text(device['id'])),
      ...pair('mapping', text(device['mapping'])),
      ...pair('mdev', text(device['mdev'])),
      bit('pcie', device['pcie']),
      bit('rombar', device['rombar']),
      ...pair('romfile', text(device['romFile'])),
      bit('x-vga', device['xvga']),
    ].join(',');
  }
  return params;
}

export function memory(value: Value | undefined, vmId: number): Params {
  const block = member(value);
  if (!block) return {};
  const shared = num(block['shared']);
  return {
    memory: num(block['dedicated']),
    balloon: num(block['floating']),
    ...(shared > 0 && { ivshmem: `name=vm-${vmId}-ivshmem,size=${shared}` }),
    ...(text(block['hugepages']) && { hugepages: text(block['hugepages']) }),
    ...(flag(block['keepHugepages']) && { keephugepages: true }),
  };
}

export function networkDevices(value: Value | undefined): Params {
  const params: Params = {};
  maps(value).forEach((device, i) => {
    if (device['enabled'] !== false) params[`net${i}`] = networkDevice(device);
  });
  return params;
}

function networkDevice(device: PropertyMap): string {
  return [
    `model=${text(device['model'])}`,
    ...pair('bridge', text(device['bridge'])),
    bit('firewall', device['firewall']),
    ...(flag(device['disconnected']) ? ['link_down=1'] : []),
    ...pair('macaddr', text(device['macAddress'])),
    ...pairIf('queues', num(device['queues'])),
    ...(num(device['rateLimit']) === 0 ? [] : [`rate=${num(device['rateLimit']).toFixed(6)}`]),
    ...pairIf('tag', num(device['vlanId'])),
    ...pairIf('mtu', num(device['mtu'])),
    ...pair('trunks', text(device['trunks'])),
  ].join(',');
}

export function serialDevices(value: Value | undefined): Params {
  return Object.fromEntries(maps(value).map((device, i) => [`serial${i}`, text(device['device'])]));
}

/** Trap, copied: `sku` is never sent, and a block without a UUID gets a random one. */
export function smbios(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  const base64 = (name: string): string[] => pair(name, Buffer.from(text(block[name]), 'utf8').toString('base64'));
  const options = ['base64=1', ...base64('family'), ...base64('manufacturer'), ...base64('product')];
  options.push(...base64('serial'), `uuid=${text(block['uuid']) || randomUUID()}`, ...base64('version'));
  return { smbios1: options.join(',') };
}

export function startup(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  const names = { order: 'order', upDelay: 'up', downDelay: 'down' } as const;
  const options = Object.entries(names)
    .filter(([name]) => num(block[name]) >= 0)
    .map(([name, option]) => `${option}=${num(block[name])}`);
  return options.length > 0 ? { startup: options.join(',') } : {};
}

export function tags(value: Value | undefined): string {
  return texts(value)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
    .sort()
    .join(';');
}

export function vga(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  const options = [...pair('clipboard', text(block['clipboard'])), ...pairIf('memory', num(block['memory']))];
  return { vga: [...options, ...pair('type', text(block['type']))].join(',') };
}

/** cloud-init's settings; its drive is a disk of its own. */
export function cloudInit(value: Value | undefined): Params {
  const block = member(value);
  if (!block) return {};
  const dns = member(block['dns']) ?? {};
  const account = member(block['userAccount']) ?? {};
  const keys = texts(account['keys']);
  return {
    ...ipConfigs(block['ipConfigs']),
    ...cloudInitFiles(block),
    ...(text(dns['domain']) && { searchdomain: text(dns['domain']) }),
    ...(items(dns['servers']).length > 0 && { nameserver: texts(dns['servers']).join(' ') }),
    ...(keys.length > 0 && { sshkeys: encodeURIComponent(keys.join('\n')) }),
    ...(text(account['password']) && { cipassword: text(account['password']) }),
    ...(text(account['username']) && { ciuser: text(account['username']) }),
    ...(text(block['type']) && { citype: text(block['type']) }),
  };
}

function ipConfigs(value: Value | undefined): Params {
  const params: Params = {};
  maps(value).forEach((config, i) => {
    const [v4, v6] = [member(config['ipv4']) ?? {}, member(config['ipv6']) ?? {}];
    const options = [
      ...pair('gw', text(v4['gateway'])),
      ...pair('gw6', text(v6['gateway'])),
      ...pair('ip', text(v4['address'])),
      ...pair('ip6', text(v6['address'])),
    ];
    if (options.length > 0) params[`ipconfig${i}`] = options.join(',');
  });
  return params;
}

function cloudInitFiles(block: PropertyMap): Params {
  const names = { meta: 'meta', network: 'network', user: 'user', vendor: 'vendor' };
  const volumes = Object.entries(names).flatMap(([name, option]) => pair(option, text(block[`${name}DataFileId`])));
  return volumes.length > 0 ? { cicustom: volumes.join(',') } : {};
}
