import { randomUUID } from 'node:crypto';
import { refusal } from './errors.js';
import type { Site } from './site.js';
import { freeVolumes, removeVm } from './vm/destroy.js';
import { furnish } from './vm/create.js';
import { carryOver } from './vm/migrate.js';
import type { Vm } from './vm/model.js';
import { powerOn } from './vm/power.js';
import { parseDrive, printDrive } from './vm/drives.js';
import { parseNic, printNic } from './vm/nics.js';

const HAND = 'hand';

export interface HandMadeVm {
  /** Any text: names that no API would take are what somebody with an editor gets in. */
  name: string;
  host: string;
  /** The next free id when absent. */
  vmid?: number;
  /** Options as in a VM's configuration file; disks as `storage:GB`. */
  options?: Record<string, string>;
  /** Started right away (false). */
  running?: boolean;
}

/**
 * What people do at the hosts' own consoles, past the API: no request and no task tells of it, only the VM itself
 * changes. Nothing here waits.
 */
export class ByHand {
  constructor(private readonly site: Site) {}

  /** Makes a VM. @throws PveError when the id is taken or a disk can't be made. */
  create(order: HandMadeVm): number {
    const vmid = this.site.vms.nextId(order.vmid);
    const vm = this.site.vms.reserve(vmid, order.host, 'create');
    try {
      furnish(this.site, vm, withMacs({ ...order.options, name: order.name }));
    } catch (error) {
      this.site.vms.remove(vm);
      throw error;
    }
    delete vm.lock;
    this.site.announce('vm.created', vm, HAND);
    if (order.running) powerOn(this.site, vm, HAND);
    return vmid;
  }

  /** Copies a disk image onto a host's storage, as scp does; `name` as in volume ids: import/talos.raw. */
  putImage(host: string, storage: string, name: string, image: { schematic: string; version: string }): void {
    const bytes = 1_306_525_696;
    this.site.volumes.store(storage, host, {
      name,
      type: 'import',
      format: 'raw',
      bytes,
      content: { image: { ...image }, state: {} },
    });
  }

  /** Writes a snippet onto a host's storage. */
  putSnippet(host: string, storage: string, name: string, bytes = 1_024): void {
    this.site.volumes.store(storage, host, {
      name: `snippets/${name}`,
      type: 'snippets',
      format: 'snippet',
      bytes,
      content: { state: {} },
    });
  }

  /** Names a PCI device of a host, whether or not it is there. */
  mapDevice(id: string, host: string, path: string, device: string): void {
    this.site.mappings.create({ id, map: [`id=${device},node=${host},path=${path}`] });
  }

  /** `pveum user token add`: one more API token, with all privileges. @param id USER@REALM!ID */
  makeToken(id: string): string {
    const token = `${id}=${randomUUID()}`;
    this.site.tokens.add(token);
    return token;
  }

  /** `pveum user token remove`. */
  removeToken(id: string): void {
    this.site.tokens.remove(id);
  }

  /** Grows a disk to so many GiB. */
  grow(vmid: number, disk: string, gib: number): void {
    const vm = this.vm(vmid);
    const drive = parseDrive(vm.config[disk] ?? '');
    const volume = this.site.volumes.get(drive.file, vm.host);
    volume.bytes = gib * 2 ** 30;
    vm.config[disk] = printDrive({ ...drive, size: `${gib}G` });
  }

  start(vmid: number): void {
    const vm = this.vm(vmid);
    if (!vm.power) powerOn(this.site, vm, HAND);
  }

  /** Pulls the plug. */
  stop(vmid: number): void {
    this.site.powerOff(this.vm(vmid), HAND);
  }

  /** Moves a VM to another host, running or not, with its local disks. */
  move(vmid: number, host: string): void {
    if (!this.site.hosts.find(host)) throw refusal(`no such cluster node '${host}'`);
    const vm = this.vm(vmid);
    if (vm.host !== host) carryOver(this.site, vm, host);
  }

  /** Sets and removes (undefined) options as an editor on the configuration file does: unchecked. */
  edit(vmid: number, options: Record<string, string | undefined>): void {
    const { config } = this.vm(vmid);
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined) delete config[key];
      else config[key] = value;
    }
  }

  /** Removes a VM, running or protected as it may be. `keepDisks` leaves its images behind as orphans. */
  remove(vmid: number, { keepDisks = false } = {}): void {
    const vm = this.vm(vmid);
    this.site.powerOff(vm, HAND);
    if (!keepDisks) freeVolumes(this.site, vm, false);
    removeVm(this.site, vm, HAND);
  }

  private vm(vmid: number): Vm {
    const vm = this.site.vms.find(vmid);
    if (!vm) throw refusal(`VM ${vmid} does not exist`);
    return vm;
  }
}

function withMacs(options: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, /^net\d+$/.test(key) ? printNic(parseNic(key, value)) : value]),
  );
}
