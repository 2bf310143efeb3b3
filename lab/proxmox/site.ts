import type { World } from '../world/world.js';
import { Hosts } from './hosts.js';
import { LockFiles } from './locks.js';
import { PciMappings } from './mappings.js';
import { Tokens } from './http/tokens.js';
import { Pools } from './pools.js';
import { Tasks } from './tasks.js';
import { Volumes, type Volume } from './volumes.js';
import { ownDrives } from './vm/drives.js';
import { nameOf, type Vm } from './vm/model.js';
import { Vms } from './vm/registry.js';
import { uuidOf } from './vm/smbios.js';

/** What lies behind a URL of the image factory. */
export interface ImageSource {
  schematic: string;
  version: string;
  /** Bytes of the raw image. */
  size: number;
}

/** Undefined for a URL that nobody serves. */
export type ResolveImage = (url: string) => ImageSource | undefined;

/** What the guests told: their operating systems are lab/talos' matter. */
export interface Guests {
  /** Asks the guest to shut down; resolves when it is ready to lose power. */
  shutdown?: (vmid: number) => Promise<void>;
  /** Whether a guest agent answers. */
  agentPing?: (vmid: number) => boolean;
}

/** Everything the emulated cluster knows, shared by what works on it. */
export class Site {
  readonly hosts: Hosts;
  readonly volumes: Volumes;
  readonly vms = new Vms();
  readonly tasks: Tasks;
  readonly locks: LockFiles;
  readonly mappings: PciMappings;
  readonly pools = new Pools();
  readonly tokens = new Tokens();
  readonly guests: Guests = {};
  /** When the hosts were switched on: milliseconds since the epoch. */
  readonly since: number;
  private readonly powerWatchers = new Map<Vm, Set<() => void>>();

  constructor(
    readonly world: World,
    readonly resolveImage: ResolveImage,
  ) {
    this.since = world.clock.now();
    this.hosts = new Hosts(world);
    this.volumes = new Volumes(world);
    this.tasks = new Tasks(world);
    this.locks = new LockFiles(world);
    this.mappings = new PciMappings(world.inventory.hosts);
  }

  /** Announces what happened to a VM, in one place so that every event carries the same facts. */
  announce(type: 'vm.created' | 'vm.started' | 'vm.stopped' | 'vm.deleted', vm: Vm, by: string): void {
    const { vmid, generation, host } = vm;
    const who = { vmid, name: nameOf(vm), generation, by };
    const uuid = uuidOf(vm.config);
    const template = vm.config.template === '1';
    if (type === 'vm.stopped') this.world.events.emit({ type, ...who });
    else if (type === 'vm.started') this.world.events.emit({ type, ...who, host });
    else this.world.events.emit({ type, ...who, host, uuid, template });
  }

  /** The running VM that has a volume attached. */
  holderOf(volume: Volume): Vm | undefined {
    const attached = (vm: Vm): boolean =>
      vm.power !== undefined &&
      (volume.host === undefined || volume.host === vm.host) &&
      ownDrives(vm.power.config).some(({ drive }) => drive.file === volume.volid);
    return this.vms.all().find(attached);
  }

  /** Resolves when the VM loses its power. `forget` ends the wait. */
  whenOff(vm: Vm): { off: Promise<void>; forget: () => void } {
    const watchers = this.powerWatchers.get(vm) ?? new Set();
    this.powerWatchers.set(vm, watchers);
    let watcher = (): void => {};
    const off = new Promise<void>((resolve) => (watcher = resolve));
    watchers.add(watcher);
    const forget = (): void => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.powerWatchers.delete(vm);
    };
    return { off, forget };
  }

  /** Cuts the VM's power. */
  powerOff(vm: Vm, by: string): void {
    if (!vm.power) return;
    delete vm.power;
    this.announce('vm.stopped', vm, by);
    const watchers = this.powerWatchers.get(vm);
    this.powerWatchers.delete(vm);
    for (const watcher of watchers ?? []) watcher();
  }
}
