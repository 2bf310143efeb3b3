import { flag, member, text } from '../../protocol/read-value.js';
import { Deadline, pause } from '../../protocol/timing.js';
import type { PropertyMap, Value } from '../../protocol/values.js';
import { isGone } from '../api.js';
import type { Api } from '../api.js';
import { boolSetting, isSet, setting } from './config.js';
import type { VmConfig } from './config.js';
import * as decode from './decode.js';
import { readDisks } from './read-disks.js';
import { datastoreOf, decodeDisk, isCloudInitDrive, splitOnce } from './disks.js';
import { VM_SCHEMA } from './schema.js';
import type { VmApi, VmStatus } from './vm-api.js';

/**
 * Reads a VM as the real provider does at the end of every create and update, and at a refresh.
 * @param current what the state holds: it decides which blocks of a clone are looked at at all.
 * @returns undefined when the VM is gone from the cluster.
 */
export async function readVm(
  api: Api,
  vm: VmApi,
  current: PropertyMap,
  warn: (message: string) => void,
): Promise<PropertyMap | undefined> {
  const node = await nodeOf(api, vm.vmId);
  if (node === undefined) return undefined;
  const here = vm.on(node);
  let config: VmConfig;
  try {
    config = await here.config();
  } catch (error) {
    if (isGone((error as Error).cause)) return undefined;
    throw error;
  }
  return new VmReader(api, here, config, await here.status(), current, warn).read();
}

/** The host of a VM by the cluster's own list; undefined when it is not there. */
async function nodeOf(api: Api, vmId: number): Promise<string | undefined> {
  const vms = await api.read<{ vmid: number; node: string; type: string }[]>('cluster/resources', { type: 'vm' });
  return vms.find((resource) => resource.vmid === vmId)?.node;
}

class VmReader {
  private readonly state: PropertyMap;
  private readonly isClone: boolean;

  constructor(
    private readonly api: Api,
    private readonly vm: VmApi,
    private readonly config: VmConfig,
    private readonly status: VmStatus,
    private readonly current: PropertyMap,
    private readonly warn: (message: string) => void,
  ) {
    this.state = { ...current, vmId: vm.vmId, nodeName: vm.node };
    this.isClone = member(current['clone']) !== undefined;
  }

  async read(): Promise<PropertyMap> {
    if (!flag(this.current['template'])) this.state['started'] = this.status.status === 'running';
    this.readScalars();
    this.readBlocks();
    this.readInitialization();
    const disks = await readDisks(this.vm, this.config, this.current, this.isClone);
    if (disks) this.state['disks'] = disks;
    await this.readFormats();
    this.state['poolId'] = await this.poolId();
    await this.readNetwork();
    return this.state;
  }

  /** On a clone, settings that are at their default are not looked at: the template's own do not count as drift. */
  private readScalars(): void {
    const { config } = this;
    this.scalar('acpi', boolSetting(config, 'acpi', true));
    this.scalar('kvmArguments', setting(config, 'args').trim());
    this.scalar('bios', setting(config, 'bios') || 'seabios');
    this.scalar('description', setting(config, 'description'));
    this.scalar('keyboardLayout', setting(config, 'keyboard') || 'en-us');
    this.scalar('machine', setting(config, 'machine'));
    this.scalar('name', setting(config, 'name'));
    this.scalar('protection', boolSetting(config, 'protection'));
    this.scalar('tabletDevice', boolSetting(config, 'tablet', true));
    this.scalar('template', boolSetting(config, 'template'));
    if (isSet(config, 'scsihw')) this.scalar('scsiHardware', setting(config, 'scsihw'));
    this.state['onBoot'] = boolSetting(config, 'onboot');
    this.state['bootOrders'] = decode.bootOrders(config);
    if (isSet(config, 'hotplug')) this.state['hotplug'] = setting(config, 'hotplug');
    if (!this.isClone || isFilled(this.current['tags'])) this.state['tags'] = decode.tags(config);
  }

  private scalar(name: string, value: Value): void {
    const standard = VM_SCHEMA[name]?.default ?? '';
    if (!this.isClone || (this.current[name] ?? standard) !== standard) this.state[name] = value;
  }

  private readBlocks(): void {
    const { config, current } = this;
    this.block('agent', decode.agent(config, member(current['agent'])));
    const drive = decode.cdrom(config, member(current['cdrom']));
    if (drive === null) this.state['cdrom'] = null;
    else this.block('cdrom', drive);
    this.block('cpu', decode.cpu(config));
    this.block('memory', decode.memory(config));
    this.block('operatingSystem', { type: setting(config, 'ostype') });
    this.block('serialDevices', decode.serialDevices(config));
    this.block('startup', decode.startup(config));
    this.block('hostpcis', decode.hostpcis(config));
    this.readSmbios();
    if (this.has('vga')) this.state['vga'] = decode.vga(config);
    const [efi, tpm] = [decode.efiDisk(config), decode.tpmState(config)];
    if (efi) this.block('efiDisk', efi);
    if (tpm) this.block('tpmState', tpm);
    const { devices, macAddresses } = decode.networkDevices(config);
    this.state['networkDevices'] = devices;
    this.state['macAddresses'] = macAddresses;
  }

  /** Trap, copied: those of a clone are never read back, and elsewhere a UUID that the server made up is no drift. */
  private readSmbios(): void {
    if (this.isClone) return;
    const read = decode.smbios(this.config);
    const named = Object.entries(member(read) ?? {}).some(([name, value]) => name !== 'uuid' && value !== '');
    if (this.has('smbios') || named) this.state['smbios'] = read;
  }

  /** Stores a block, unless this is a clone whose state does not have it. */
  private block(name: string, value: Value): void {
    if (!this.isClone || this.has(name)) this.state[name] = value;
  }

  private has(name: string): boolean {
    const value = this.current[name];
    return Array.isArray(value) ? value.length > 0 : member(value) !== undefined;
  }

  private readInitialization(): void {
    const read = decode.initialization(this.config, this.cloudInitDrive());
    const current = member(this.current['initialization']);
    if (!this.isClone) {
      this.state['initialization'] = read;
    } else if (current) {
      for (const name of ['userAccount', 'dns', 'ipConfigs']) if (read && isEmpty(current[name])) delete read[name];
      this.state['initialization'] = read;
    }
  }

  private cloudInitDrive(): { interface: string; datastoreId: string; fileFormat?: string } | undefined {
    for (const [name, value] of Object.entries(this.config)) {
      if (!/^(ide|sata|scsi)\d+$/.test(name)) continue;
      const device = decodeDisk(String(value));
      if (!isCloudInitDrive(device, this.vm.vmId)) continue;
      const format = device.format === undefined ? {} : { fileFormat: device.format };
      return { interface: name, datastoreId: datastoreOf(device), ...format };
    }
    return undefined;
  }

  private async readFormats(): Promise<void> {
    const efi = member(this.state['efiDisk']);
    if (!efi || efi['fileFormat'] !== undefined || !isSet(this.config, 'efidisk0')) return;
    const [volume] = splitOnce(setting(this.config, 'efidisk0').replace(/^file=/, ''), ',');
    efi['fileFormat'] = await this.vm.volumeFormat(text(efi['datastoreId']), volume);
  }

  private async poolId(): Promise<string> {
    if (isSet(this.config, 'pool')) return setting(this.config, 'pool');
    for (const { poolid } of await this.api.read<{ poolid: string }[]>('pools')) {
      const pools = await this.api.read<{ members?: { id: string }[] }[]>('pools', { poolid });
      if (pools.some((pool) => pool.members?.some(({ id }) => id === `qemu/${this.vm.vmId}`))) return poolid;
    }
    return '';
  }

  /** Trap, copied: with the agent on and silent this waits until the timeout that the state holds, then only warns. */
  private async readNetwork(): Promise<void> {
    let read: PropertyMap = { ipv4Addresses: [], ipv6Addresses: [], networkInterfaceNames: [] };
    const agent = member(decode.agent(this.config, undefined));
    if (flag(this.state['started']) && flag(agent?.['enabled'])) {
      const wanted = decode.wantedAddresses(member(this.current['agent']));
      const deadline = new Deadline(seconds(text(member(this.current['agent'])?.['timeout']) || '15m'));
      const interfaces = wanted.skip ? [] : await this.waitForAddresses(wanted, deadline);
      if (interfaces) read = decode.agentNetwork(interfaces);
      else
        this.warn(`timeout while waiting for the QEMU agent on VM "${this.vm.vmId}" to publish the network interfaces`);
    }
    Object.assign(this.state, read);
  }

  private async waitForAddresses(
    wanted: { ipv4: boolean; ipv6: boolean },
    deadline: Deadline,
  ): Promise<decode.AgentInterface[] | undefined> {
    while (!deadline.passed) {
      const interfaces = await this.vm.agentInterfaces().catch(() => []);
      if (hasAddresses(interfaces, wanted)) return interfaces;
      await pause(1, deadline);
    }
    return undefined;
  }
}

function isFilled(value: Value | undefined): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isEmpty(value: Value | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/**
 * Global addresses of the wanted kinds; any one when no kind is wanted. The whole lab is on loopback, so of 127.0.0.0/8 only
 * what every machine has itself counts as such.
 */
function hasAddresses(interfaces: decode.AgentInterface[], wanted: { ipv4: boolean; ipv6: boolean }): boolean {
  const found = { ipv4: false, ipv6: false };
  for (const nic of interfaces.filter(({ name }) => name !== 'lo')) {
    for (const address of nic['ip-addresses'] ?? []) {
      const ip = address['ip-address'];
      if (!/^(127\.0\.|169\.254\.|fe80:|::1$)/i.test(ip)) found[ip.includes(':') ? 'ipv6' : 'ipv4'] = true;
    }
  }
  if (!wanted.ipv4 && !wanted.ipv6) return found.ipv4 || found.ipv6;
  return (!wanted.ipv4 || found.ipv4) && (!wanted.ipv6 || found.ipv6);
}

/** Seconds of a duration such as 15m or 1h30m. */
function seconds(duration: string): number {
  const units: Record<string, number> = { h: 3600, m: 60, s: 1 };
  let total = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+)([hms])/g)) total += Number(amount) * (units[unit ?? ''] ?? 0);
  return total || 900;
}
