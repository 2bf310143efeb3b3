import { flag, maps, member, text, texts } from '../../protocol/read-value.js';
import type { PropertyMap, Value } from '../../protocol/values.js';
import { boolSetting, isSet, numbered, numberSetting, optionMap, options, setting } from './config.js';
import type { VmConfig } from './config.js';

/**
 * From Proxmox VE's configuration to a VM's properties, one function a block. Each returns what a read stores, given
 * what the state holds of the block already.
 */

export function agent(config: VmConfig, current: PropertyMap | undefined): Value {
  if (!isSet(config, 'agent')) return null;
  const read = optionMap(setting(config, 'agent'));
  return {
    enabled: (read['enabled'] ?? read['']) === '1',
    trim: read['fstrim_cloned_disks'] === '1',
    type: read['type'] ?? 'virtio',
    timeout: text(current?.['timeout']) || '15m',
    ...(current?.['waitForIp'] === undefined ? {} : { waitForIp: current['waitForIp'] }),
  };
}

export function cdrom(config: VmConfig, current: PropertyMap | undefined): Value {
  const name = text(current?.['interface']) || 'ide3';
  if (!isSet(config, name)) return null;
  const file = optionMap(setting(config, name));
  const unnamed = current !== undefined && text(current['fileId']) === '';
  return { enabled: false, fileId: unnamed ? '' : (file['file'] ?? file[''] ?? ''), interface: name };
}

export function cpu(config: VmConfig): PropertyMap {
  const emulation = optionMap(setting(config, 'cpu'));
  return {
    affinity: setting(config, 'affinity'),
    architecture: setting(config, 'arch'),
    cores: numberSetting(config, 'cores', 1),
    flags: emulation['flags'] ? emulation['flags'].split(';') : [],
    hotplugged: numberSetting(config, 'vcpus'),
    limit: numberSetting(config, 'cpulimit'),
    numa: boolSetting(config, 'numa'),
    sockets: numberSetting(config, 'sockets', 1),
    type: emulation['cputype'] ?? emulation[''] ?? 'qemu64',
    units: numberSetting(config, 'cpuunits'),
  };
}

export function memory(config: VmConfig): PropertyMap {
  return {
    dedicated: numberSetting(config, 'memory'),
    floating: numberSetting(config, 'balloon'),
    shared: Number(optionMap(setting(config, 'ivshmem'))['size'] ?? 0),
    hugepages: setting(config, 'hugepages'),
    keepHugepages: boolSetting(config, 'keephugepages'),
  };
}

export function networkDevices(config: VmConfig): { devices: Value[]; macAddresses: Value[] } {
  const devices = numbered(config, 'net').map((value) => (value === undefined ? null : networkDevice(value)));
  return { devices, macAddresses: devices.map((device) => member(device)?.['macAddress'] ?? '') };
}

const NETWORK_OPTIONS = new Set([
  'bridge',
  'firewall',
  'link_down',
  'macaddr',
  'model',
  'queues',
  'rate',
  'mtu',
  'tag',
]);

function networkDevice(value: string): PropertyMap {
  const read = optionMap(value);
  // Proxmox echoes model and address as one option: virtio=BC:24:11:...
  const echo = options(value).find(([name, content]) => content && !NETWORK_OPTIONS.has(name) && name !== 'trunks');
  return {
    bridge: read['bridge'] ?? '',
    enabled: true,
    disconnected: read['link_down'] === '1',
    firewall: read['firewall'] === '1',
    macAddress: read['macaddr'] ?? echo?.[1] ?? '',
    model: read['model'] ?? echo?.[0] ?? '',
    queues: Number(read['queues'] ?? 0),
    rateLimit: Number(read['rate'] ?? 0),
    vlanId: Number(read['tag'] ?? 0),
    mtu: Number(read['mtu'] ?? 0),
    trunks: read['trunks'] ?? '',
  };
}

export function hostpcis(config: VmConfig): Value {
  return numbered(config, 'hostpci').flatMap((value, i) => {
    if (value === undefined) return [];
    const read = optionMap(value);
    const id = read['host'] ?? read[''] ?? '';
    if (id === '' && read['mapping'] === undefined) return [];
    const device: PropertyMap = {
      device: `hostpci${i}`,
      id,
      mapping: read['mapping'] ?? '',
      mdev: read['mdev'] ?? '',
      pcie: read['pcie'] === '1',
      rombar: (read['rombar'] ?? '1') === '1',
      romFile: read['romfile'] ?? '',
      xvga: read['x-vga'] === '1',
    };
    return [device];
  });
}

export function serialDevices(config: VmConfig): Value {
  return numbered(config, 'serial').map((device) => ({ device: device ?? '' }));
}

export function smbios(config: VmConfig): Value {
  if (!isSet(config, 'smbios1')) return null;
  const read = optionMap(setting(config, 'smbios1'));
  const decoded = (name: string): string => Buffer.from(read[name] ?? '', 'base64').toString('utf8');
  const names = ['family', 'manufacturer', 'product', 'serial', 'sku', 'version'];
  return { ...Object.fromEntries(names.map((name) => [name, decoded(name)])), uuid: read['uuid'] ?? null };
}

export function startup(config: VmConfig): Value {
  if (!isSet(config, 'startup')) return null;
  const read = optionMap(setting(config, 'startup'));
  const value = (name: string): number => Number(read[name] ?? -1);
  return { order: value('order'), upDelay: value('up'), downDelay: value('down') };
}

export function vga(config: VmConfig): PropertyMap {
  const read = optionMap(setting(config, 'vga'));
  return {
    clipboard: read['clipboard'] ?? '',
    memory: Number(read['memory'] ?? 16),
    type: read['type'] ?? read[''] ?? 'std',
  };
}

export function efiDisk(config: VmConfig): PropertyMap | undefined {
  if (!isSet(config, 'efidisk0')) return undefined;
  const read = optionMap(setting(config, 'efidisk0'));
  return {
    datastoreId: (read['file'] ?? read[''] ?? '').split(':')[0] ?? '',
    ...(read['format'] === undefined ? {} : { fileFormat: read['format'] }),
    type: (read['efitype'] ?? '2m').toLowerCase(),
    preEnrolledKeys: read['pre-enrolled-keys'] === '1',
  };
}

export function tpmState(config: VmConfig): PropertyMap | undefined {
  if (!isSet(config, 'tpmstate0')) return undefined;
  const read = optionMap(setting(config, 'tpmstate0'));
  return {
    datastoreId: (read['file'] ?? read[''] ?? '').split(':')[0] ?? '',
    version: read['version'] ?? 'v2.0',
  };
}

/** Tags sorted, as Proxmox VE hands them out in one text. */
export function tags(config: VmConfig): Value {
  return setting(config, 'tags')
    .split(';')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
    .sort();
}

export function bootOrders(config: VmConfig): Value {
  return optionMap(setting(config, 'boot'))['order']?.split(';') ?? [];
}

/** cloud-init's settings; `drive` says where its drive is. */
export function initialization(
  config: VmConfig,
  drive: { interface: string; datastoreId: string; fileFormat?: string } | undefined,
): PropertyMap | undefined {
  const read: PropertyMap = {
    ...drive,
    ...cloudInitDns(config),
    ...cloudInitAddresses(config),
    ...cloudInitUser(config),
  };
  const files = optionMap(setting(config, 'cicustom'));
  if (isSet(config, 'cicustom') || Object.keys(read).length > 0) {
    for (const name of ['user', 'vendor', 'network', 'meta']) read[`${name}DataFileId`] = files[name] ?? '';
  }
  if (isSet(config, 'citype') || Object.keys(read).length > 0) read['type'] = setting(config, 'citype');
  if (Object.keys(read).length > 0) read['upgrade'] = boolSetting(config, 'ciupgrade', true);
  return Object.keys(read).length > 0 ? read : undefined;
}

function cloudInitDns(config: VmConfig): PropertyMap {
  if (!isSet(config, 'searchdomain') && !isSet(config, 'nameserver')) return {};
  const servers = setting(config, 'nameserver');
  return { dns: { domain: setting(config, 'searchdomain'), servers: servers === '' ? [] : servers.split(' ') } };
}

function cloudInitAddresses(config: VmConfig): PropertyMap {
  const configs = numbered(config, 'ipconfig').map((value): Value => {
    const read = optionMap(value ?? '');
    const address = (ip: string, gateway: string): PropertyMap | null =>
      read[ip] === undefined && read[gateway] === undefined
        ? null
        : { address: read[ip] ?? '', gateway: read[gateway] ?? '' };
    return { ipv4: address('ip', 'gw'), ipv6: address('ip6', 'gw6') };
  });
  return configs.length > 0 ? { ipConfigs: configs } : {};
}

function cloudInitUser(config: VmConfig): PropertyMap {
  if (!['cipassword', 'sshkeys', 'ciuser'].some((name) => isSet(config, name))) return {};
  const keys = decodeURIComponent(setting(config, 'sshkeys')).trim();
  return {
    userAccount: {
      keys: keys === '' ? [] : keys.split('\n'),
      password: setting(config, 'cipassword'),
      username: setting(config, 'ciuser'),
    },
  };
}

/** Addresses and names that the guest agent reports, per network interface. */
export function agentNetwork(interfaces: AgentInterface[]): PropertyMap {
  const addresses = (nic: AgentInterface, type: string): Value[] =>
    (nic['ip-addresses'] ?? []).filter((ip) => ip['ip-address-type'] === type).map((ip) => ip['ip-address']);
  return {
    ipv4Addresses: interfaces.map((nic) => addresses(nic, 'ipv4')),
    ipv6Addresses: interfaces.map((nic) => addresses(nic, 'ipv6')),
    macAddresses: interfaces.map((nic) => nic['hardware-address'].toUpperCase()),
    networkInterfaceNames: interfaces.map((nic) => nic.name),
  };
}

export interface AgentInterface {
  name: string;
  'hardware-address': string;
  'ip-addresses'?: { 'ip-address': string; 'ip-address-type': string }[];
}

/** Whether a block of the agent's settings wants addresses waited for, and of which kind. */
export function wantedAddresses(agentBlock: PropertyMap | undefined): { skip: boolean; ipv4: boolean; ipv6: boolean } {
  const wait = member(agentBlock?.['waitForIp']) ?? {};
  return { skip: flag(wait['disabled']), ipv4: flag(wait['ipv4']), ipv6: flag(wait['ipv6']) };
}

/** The interfaces that the properties name, in their order. */
export function interfacesOf(disks: Value | undefined): string[] {
  return texts(maps(disks).map((disk) => disk['interface'] ?? null));
}
