import { flag, maps, member, num, text } from '../../protocol/read-value.js';
import { Deadline } from '../../protocol/timing.js';
import type { PropertyMap } from '../../protocol/values.js';
import type { Params } from '../api.js';
import { cloudInitInterface, MAX_SERIALS, surplus } from './clone.js';
import { setting } from './config.js';
import type { VmConfig } from './config.js';
import { cloudInitVolume } from './create.js';
import { datastoreOf, encodeDisk, plannedDisks } from './disks.js';
import * as encode from './encode.js';
import { managedDisks } from './read-disks.js';
import { Power } from './power.js';
import type { VmApi } from './vm-api.js';

const MAX_HOSTPCI = 16;

/** Changes that a running VM takes only with its power off; memory is among them. */
const NEEDS_RESTART = new Set([
  'acpi',
  'agent',
  'bios',
  'bootOrders',
  'cpu',
  'efiDisk',
  'hostpcis',
  'initialization',
  'keyboardLayout',
  'kvmArguments',
  'machine',
  'memory',
  'operatingSystem',
  'scsiHardware',
  'serialDevices',
  'tabletDevice',
  'tpmState',
  'vga',
]);

/** Brings a VM to its planned properties, the changed ones only; what needs it powers it off and on. */
export async function updateVm(
  vm: VmApi,
  state: PropertyMap,
  planned: PropertyMap,
  changed: ReadonlySet<string>,
  warn: (message: string) => void,
): Promise<void> {
  await new VmUpdate(vm, state, planned, changed, warn).run();
}

class VmUpdate {
  private readonly power: Power;
  private readonly deadline: Deadline;
  private restartOwed = false;
  private readonly removals: string[] = [];

  constructor(
    private vm: VmApi,
    private readonly state: PropertyMap,
    private readonly planned: PropertyMap,
    private readonly changed: ReadonlySet<string>,
    private readonly warn: (message: string) => void,
  ) {
    this.deadline = new Deadline(num(planned['timeoutMigrate']));
    this.power = new Power(vm, planned);
    this.restartOwed = [...changed].some((name) => NEEDS_RESTART.has(name));
  }

  async run(): Promise<void> {
    if (this.changed.has('poolId')) await this.vm.changePool(text(this.state['poolId']), text(this.planned['poolId']));
    if (this.changed.has('nodeName')) await this.migrate();
    const config = await this.vm.config();
    const disks = this.changed.has('disks') ? this.disks(config) : {};
    const params = { ...this.scalars(), ...this.blocks(config), ...disks, ...(await this.cloudInit(config)) };
    await this.vm.updateConfig({ ...params, ...(this.removals.length > 0 && { delete: this.removals.join(',') }) });
    if (this.changed.has('template')) await this.convert();
    if (this.changed.has('initialization') && !flag(this.planned['template'])) await this.vm.rebuildCloudInit();
    await this.arrangeDisks(disks);
    await this.finishPower();
  }

  private async migrate(): Promise<void> {
    const running = (await this.vm.status()).status === 'running';
    const target = text(this.planned['nodeName']);
    await this.vm.migrate({ target, 'with-local-disks': true, ...(running && { online: true }) }, this.deadline);
    this.vm = this.vm.on(target);
  }

  private scalars(): Params {
    const names = {
      acpi: 'acpi',
      kvmArguments: 'args',
      bios: 'bios',
      description: 'description',
      onBoot: 'onboot',
      keyboardLayout: 'keyboard',
      machine: 'machine',
      protection: 'protection',
      tabletDevice: 'tablet',
      scsiHardware: 'scsihw',
      hotplug: 'hotplug',
    } as const;
    const params: Params = {};
    for (const [name, key] of Object.entries(names)) {
      const value = this.planned[name];
      if (this.changed.has(name)) params[key] = typeof value === 'boolean' ? value : text(value);
    }
    if (this.changed.has('tags')) params['tags'] = encode.tags(this.planned['tags']);
    // Trap, copied: the name is sent with every update, and after a half-made clone it may be all that is sent.
    const name = text(this.planned['name']);
    if (name === '') this.removals.push('name');
    else params['name'] = name;
    return params;
  }

  private blocks(config: VmConfig): Params {
    const { planned, changed } = this;
    const when = (name: string, params: () => Params): Params => (changed.has(name) ? params() : {});
    return {
      ...when('agent', () => encode.agent(planned['agent'])),
      ...when('bootOrders', () => encode.bootOrder(planned['bootOrders'])),
      ...when('cdrom', () => this.cdrom()),
      ...when('cpu', () => this.cpu()),
      ...when('efiDisk', () => this.stateDisk('efiDisk', encode.efiDisk)),
      ...when('tpmState', () => this.stateDisk('tpmState', encode.tpmState)),
      ...when('hostpcis', () => this.hostpcis()),
      ...when('memory', () => encode.memory(planned['memory'], this.vm.vmId)),
      ...when('networkDevices', () => this.networkDevices(config)),
      ...when('operatingSystem', () => ({ ostype: text(member(planned['operatingSystem'])?.['type']) })),
      ...when('serialDevices', () => this.serialDevices()),
      ...when('smbios', () => this.orRemove('smbios1', encode.smbios(planned['smbios']))),
      ...when('startup', () => this.orRemove('startup', encode.startup(planned['startup']))),
      ...when('vga', () => encode.vga(planned['vga'])),
    };
  }

  private orRemove(key: string, params: Params): Params {
    if (params[key] === undefined) this.removals.push(key);
    return params;
  }

  private cdrom(): Params {
    const [old, now] = [member(this.state['cdrom']), member(this.planned['cdrom'])];
    const before = text(old?.['interface']) || 'ide3';
    if (old && before !== text(now?.['interface'])) this.removals.push(before);
    return encode.cdrom(now);
  }

  private cpu(): Params {
    const cpu = member(this.planned['cpu']) ?? {};
    if (num(cpu['hotplugged']) === 0) this.removals.push('vcpus');
    if (num(cpu['limit']) === 0) this.removals.push('cpulimit');
    return encode.cpu(cpu);
  }

  /** A new datastore alone is a move, done later; anything else is written. */
  private stateDisk(name: string, encoder: (value: PropertyMap | undefined) => Params): Params {
    const [old, now] = [member(this.state[name]), member(this.planned[name])];
    return old && now && old['datastoreId'] !== now['datastoreId'] ? {} : encoder(now);
  }

  private hostpcis(): Params {
    const params = encode.hostpcis(this.planned['hostpcis']);
    const slots = Array.from({ length: MAX_HOSTPCI }, (_, i) => `hostpci${i}`);
    this.removals.push(...slots.filter((slot) => params[slot] === undefined));
    return params;
  }

  private networkDevices(config: VmConfig): Params {
    const params = encode.networkDevices(this.planned['networkDevices']);
    const existing = Object.keys(config).filter((name) => /^net\d+$/.test(name));
    this.removals.push(...existing.filter((name) => params[name] === undefined));
    return params;
  }

  private serialDevices(): Params {
    const planned = maps(this.planned['serialDevices']);
    this.removals.push(...surplus('serial', planned.length, MAX_SERIALS));
    return encode.serialDevices(planned);
  }

  /** Trap, copied: one changed disk sends all of them again, without their sizes. */
  private disks(config: VmConfig): Params {
    const params: Params = {};
    const current = new Map(managedDisks(config, this.vm.vmId));
    const planned = plannedDisks(this.planned['disks']);
    const bootDevices = setting(config, 'boot')
      .replace(/^order=/, '')
      .split(';');
    for (const name of current.keys()) {
      if (planned.has(name)) continue;
      if (bootDevices.includes(name))
        throw new Error(`cannot delete boot disk "${name}". Please remove it from boot order first`);
      this.removals.push(name);
    }
    for (const [name, device] of planned) {
      const existing = current.get(name);
      if (existing && existing.options.aio !== device.options.aio) this.restartOwed = true;
      params[name] = encodeDisk(existing ? { file: existing.file, options: device.options } : device);
    }
    return params;
  }

  private async cloudInit(config: VmConfig): Promise<Params> {
    const [old, now] = [member(this.state['initialization']), member(this.planned['initialization'])];
    if (!this.changed.has('initialization') || !now) return {};
    const existing = cloudInitInterface(config, this.vm.vmId);
    const name = text(now['interface']) || (existing ?? 'ide2');
    const moved = existing !== name || ['datastoreId', 'fileFormat'].some((key) => text(old?.[key]) !== text(now[key]));
    const upgrade = old?.['upgrade'] !== now['upgrade'] && typeof now['upgrade'] === 'boolean';
    const params = { ...encode.cloudInit(now), ...(upgrade && { ciupgrade: flag(now['upgrade']) }) };
    if (!moved) return params;
    await this.powerOff('move the Cloud-Init drive');
    await this.vm.updateConfig({ delete: [...new Set([name, existing ?? name])].join(',') });
    return { ...params, [name]: cloudInitVolume(now) };
  }

  private async convert(): Promise<void> {
    if (!flag(this.planned['template'])) throw new Error('Cannot convert a template back to a regular VM');
    await this.powerOff('convert the VM to a template');
    await this.vm.toTemplate(this.deadline);
    this.restartOwed = false;
  }

  private async arrangeDisks(sent: Params): Promise<void> {
    const [old, now] = [plannedDisks(this.state['disks']), plannedDisks(this.planned['disks'])];
    const both = this.changed.has('disks') ? [...now].filter(([name]) => old.has(name)) : [];
    const moves = both.filter(([name, device]) => datastoreOf(old.get(name) ?? device) !== datastoreOf(device));
    const isTemplate = flag(this.planned['template']);
    if (both.length > 0) await this.vm.config();
    const grown = both.filter(([name, device]) => this.growth(name, old.get(name)?.size ?? 0, device.size ?? 0) > 0);
    if (moves.length > 0 && !isTemplate) await this.powerOff('move disks between datastores');
    for (const [name, device] of moves) await this.vm.moveDisk(name, datastoreOf(device), this.deadline);
    if (this.restartOwed && !isTemplate) await this.powerOffForPending(grown.length > 0);
    for (const [name, device] of grown) await this.vm.resize(name, device.size ?? 0, this.deadline);
    const resent = Object.fromEntries(grown.map(([name]) => [name, sent[name]]));
    if (grown.length > 0) await this.vm.updateConfig(resent);
  }

  private growth(name: string, before: number, after: number): number {
    if (after < before) throw new Error(`Cannot shrink ${name} in VM ${this.vm.vmId}, it is not supported!`);
    return after - before;
  }

  private async powerOff(purpose: string): Promise<void> {
    if (this.power.stoppedHere || (await this.vm.status()).status === 'stopped') return;
    if (!flag(this.planned['rebootAfterUpdate'])) {
      throw new Error(
        `cannot ${purpose} while the VM is running because this change requires the VM to be powered off, ` +
          "but automatic power-offs/reboots are disabled by 'reboot_after_update = false'",
      );
    }
    await this.power.ensureStopped();
    this.restartOwed = false;
  }

  /** Pending changes may wait for a restart by hand where restarts are not allowed; a resize may not. */
  private async powerOffForPending(resizes: boolean): Promise<void> {
    const allowed = flag(this.planned['rebootAfterUpdate']);
    if (allowed || resizes) return this.powerOff('resize disks');
    this.restartOwed = false;
    this.warn(
      'a reboot is required to apply configuration changes, but automatic reboots are disabled by ' +
        "'reboot_after_update = false'. Please reboot the VM manually.",
    );
  }

  private async finishPower(): Promise<void> {
    if (flag(this.planned['template'])) return this.power.ensureStopped();
    const stopped = (await this.vm.status()).status === 'stopped';
    if (flag(this.planned['started'])) {
      if (stopped) await this.power.ensureRunning();
      else if (this.restartOwed) await this.power.restart();
    } else if (this.changed.has('started') && !stopped) {
      await this.power.ensureStopped();
    }
  }
}
