import type { Hardware, VirtualDisk } from '../../world/world.js';
import { parseProperties } from '../property-string.js';
import type { Volumes } from '../volumes.js';
import { isCloudInitDrive, ownDrives } from './drives.js';
import { coresOf, memoryOf, nameOf, type Config, type Vm } from './model.js';
import { parseNic } from './nics.js';
import { uuidOf } from './smbios.js';

/** A VM as its guest sees it: a running one with what it was started with, a stopped one as it would start. */
export function hardwareOf(vm: Vm, volumes: Volumes): Hardware {
  const config = vm.power?.config ?? vm.config;
  return {
    vmid: vm.vmid,
    generation: vm.generation,
    name: nameOf(vm),
    host: vm.host,
    uuid: uuidOf(config),
    nics: nicsOf(config),
    ipConfigs: ipConfigsOf(vm.power?.cloudInit ?? cloudInitOf(config)),
    disks: disksOf(vm, config, volumes),
    memory: memoryOf(config),
    cores: coresOf(config),
    pci: numbered(config, 'hostpci').flatMap(([, value]) => parseProperties(value, 'host').mapping ?? []),
  };
}

/** What a cloud-init drive made now would say; nothing without such a drive, whatever the configuration holds. */
export function cloudInitOf(config: Config): Config {
  if (!ownDrives(config).some(({ drive }) => isCloudInitDrive(drive))) return {};
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => /^(ipconfig\d+|nameserver|searchdomain)$/.test(key)),
  );
}

function numbered(config: Config, prefix: string): [index: number, value: string][] {
  return Object.keys(config)
    .filter((key) => key.startsWith(prefix) && /^\d+$/.test(key.slice(prefix.length)))
    .map((key): [number, string] => [Number(key.slice(prefix.length)), config[key]!])
    .sort(([a], [b]) => a - b);
}

function nicsOf(config: Config): Hardware['nics'] {
  return numbered(config, 'net').map(([index, value]) => {
    const { mac, options } = parseNic(`net${index}`, value);
    return {
      slot: `net${index}`,
      mac,
      bridge: options.bridge ?? '',
      ...(options.tag === undefined ? {} : { tag: Number(options.tag) }),
      ...(options.trunks === undefined ? {} : { trunks: options.trunks }),
    };
  });
}

/** Index = N of ipconfigN; an interface on DHCP has no address here. */
function ipConfigsOf(cloudInit: Config): Hardware['ipConfigs'] {
  const configs: Hardware['ipConfigs'] = [];
  for (const [index, value] of numbered(cloudInit, 'ipconfig')) {
    while (configs.length < index) configs.push(undefined);
    const { ip, gw } = parseProperties(value, 'ip');
    const fixed = ip !== undefined && ip !== 'dhcp';
    configs[index] = fixed ? { address: ip, ...(gw === undefined ? {} : { gateway: gw }) } : undefined;
  }
  return configs;
}

function disksOf(vm: Vm, config: Config, volumes: Volumes): VirtualDisk[] {
  return ownDrives(config)
    .filter(({ key, drive }) => !isCloudInitDrive(drive) && key !== 'efidisk0' && key !== 'tpmstate0')
    .flatMap(({ key, drive }) => {
      const volume = volumes.find(drive.file, vm.host);
      return volume ? [{ slot: key, volid: volume.volid, bytes: volume.bytes, content: volume.content }] : [];
    });
}
