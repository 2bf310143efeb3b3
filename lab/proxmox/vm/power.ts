import { refusal } from '../errors.js';
import { parseFlag, parseProperties } from '../property-string.js';
import type { Site } from '../site.js';
import type { TaskHandle } from '../tasks.js';
import { ownDrives } from './drives.js';
import { cloudInitOf } from './hardware.js';
import { coresOf, isTemplate, nameOf, type Vm } from './model.js';
import { parseNic } from './nics.js';
import { assertUnlocked } from './registry.js';

/** Seconds a shutdown waits for the guest when the caller names none. */
const SHUTDOWN_PATIENCE = 60;

export interface ShutdownOrder {
  /** Seconds. */
  timeout?: number;
  /** Cut the power when the guest doesn't go down in time. */
  forceStop: boolean;
}

export function agentEnabled(vm: Vm): boolean {
  return parseFlag(parseProperties(vm.config.agent ?? '0', 'enabled').enabled ?? '0') ?? false;
}

/** Starts a VM; what is wrong with it shows only here, in the task. */
export function startVm(site: Site, vm: Vm, user: string): string {
  return site.tasks.fork({ node: vm.host, type: 'qmstart', id: String(vm.vmid), user }, (task) =>
    site.locks.hold(vm.vmid, () => {
      site.vms.assertPresent(vm);
      if (isTemplate(vm)) throw refusal("you can't start a vm if it's a template");
      assertUnlocked(vm);
      if (vm.power) throw refusal(`VM ${vm.vmid} already running`);
      if (site.world.faults.strikes('start-fails', nameOf(vm))) {
        task.log('kvm: failed to initialize kvm: Cannot allocate memory');
        throw refusal('start failed: QEMU exited with code 1');
      }
      if (vm.config.bios === 'ovmf' && vm.config.efidisk0 === undefined) {
        task.warn('no efidisk configured! Using temporary efivars disk.');
      }
      powerOn(site, vm, user);
    }),
  );
}

/** @throws PveError when its host can't run it: cores, bridges, disks, PCI devices. */
export function powerOn(site: Site, vm: Vm, by: string): void {
  const host = site.hosts.reach(vm.host);
  if (coresOf(vm.config) > host.cores) throw refusal(`MAX ${host.cores} vcpus allowed per VM on this node`);
  for (const { drive } of ownDrives(vm.config)) site.volumes.get(drive.file, vm.host);
  for (const key of Object.keys(vm.config).filter((name) => /^net\d+$/.test(name))) {
    const { bridge } = parseNic(key, vm.config[key]!).options;
    if (bridge !== undefined && !host.bridges.includes(bridge)) throw refusal(`bridge '${bridge}' does not exist`);
  }
  const pci = reservePci(site, vm);
  vm.power = {
    pid: 10_000 + vm.generation,
    since: site.world.clock.now(),
    config: { ...vm.config },
    cloudInit: cloudInitOf(vm.config),
    pci,
  };
  site.announce('vm.started', vm, by);
}

/** A device is one VM's at a time. Of a mapping with several devices on the host the first free one is taken. */
function reservePci(site: Site, vm: Vm): Record<string, string> {
  const taken = new Map<string, number>();
  for (const other of site.vms.on(vm.host)) {
    for (const path of Object.values(other.power?.pci ?? {})) taken.set(path, other.vmid);
  }
  const reserved: Record<string, string> = {};
  for (const key of Object.keys(vm.config).filter((name) => /^hostpci\d+$/.test(name))) {
    const { mapping, host } = parseProperties(vm.config[key]!, 'host');
    const devices = mapping !== undefined ? site.mappings.devices(mapping, vm.host) : (host ?? '').split(';');
    const free = devices.find((path) => !taken.has(path));
    if (free === undefined) {
      const [path] = devices;
      if (devices.length > 1) throw refusal(`could not find a free device for '${key}'`);
      throw refusal(`PCI device '${path}' already in use by VMID '${taken.get(path!)}'`);
    }
    taken.set(free, vm.vmid);
    reserved[key] = free;
  }
  return reserved;
}

/** Cuts the power. A VM that is off already is fine. */
export function stopVm(site: Site, vm: Vm, user: string, overruleShutdown: boolean): string {
  return site.tasks.fork({ node: vm.host, type: 'qmstop', id: String(vm.vmid), user }, async (task) => {
    if (overruleShutdown) {
      for (const other of site.tasks.active('qmshutdown', vm.vmid)) {
        site.tasks.stop(other.upid);
        task.log(`overruled qmshutdown tasks: ${other.upid}`);
      }
    }
    await site.locks.hold(vm.vmid, () => {
      site.vms.assertPresent(vm);
      if (!vm.power) return;
      assertUnlocked(vm);
      requested(site, vm, 'stop', user);
      site.powerOff(vm, user);
    });
  });
}

/** Asks the guest to go down, through its agent or ACPI, and waits for it. */
export function shutdownVm(site: Site, vm: Vm, order: ShutdownOrder, user: string): string {
  return site.tasks.fork({ node: vm.host, type: 'qmshutdown', id: String(vm.vmid), user }, (task) =>
    site.locks.hold(vm.vmid, () => shutDown(site, vm, order, user, task)),
  );
}

/** A shutdown after which the host starts the VM again by itself, with what is pending in its configuration. */
export function rebootVm(site: Site, vm: Vm, timeout: number | undefined, user: string): string {
  if (!vm.power) throw refusal(`VM ${vm.vmid} not running`);
  return site.tasks.fork({ node: vm.host, type: 'qmreboot', id: String(vm.vmid), user }, async (task) => {
    const order = { forceStop: false, ...(timeout === undefined ? {} : { timeout }) };
    await site.locks.hold(vm.vmid, () => shutDown(site, vm, order, user, task));
    if (site.vms.has(vm) && !vm.power) startVm(site, vm, 'root@pam');
  });
}

/** Presses reset: the VM keeps running, its guest starts over. */
export function resetVm(site: Site, vm: Vm, user: string): string {
  if (!vm.power) throw refusal(`VM ${vm.vmid} not running`);
  return site.tasks.fork({ node: vm.host, type: 'qmreset', id: String(vm.vmid), user }, () =>
    site.locks.hold(vm.vmid, () => {
      site.vms.assertPresent(vm);
      assertUnlocked(vm);
      if (vm.power) requested(site, vm, 'reset', user);
    }),
  );
}

/** Writes the cloud-init drive anew: a running guest finds the configuration's values there from now on. */
export async function rebuildCloudInit(site: Site, vm: Vm): Promise<void> {
  await site.locks.hold(vm.vmid, () => {
    site.vms.assertPresent(vm);
    if (vm.power) vm.power.cloudInit = cloudInitOf(vm.power.config);
  });
}

async function shutDown(site: Site, vm: Vm, order: ShutdownOrder, user: string, task: TaskHandle): Promise<void> {
  site.vms.assertPresent(vm);
  if (!vm.power) return;
  assertUnlocked(vm);
  requested(site, vm, 'shutdown', user);
  const inTime = await guestGoesDown(site, vm, (order.timeout ?? SHUTDOWN_PATIENCE) * 1000, task);
  if (!inTime) {
    if (!order.forceStop) throw refusal('VM quit/powerdown failed - got timeout');
    task.log('VM still running - terminating now with SIGTERM');
    if (vm.power) requested(site, vm, 'stop', user);
  }
  site.powerOff(vm, user);
}

/** False when the guest was still up at the end of the caller's patience. */
async function guestGoesDown(site: Site, vm: Vm, patience: number, task: TaskHandle): Promise<boolean> {
  const { clock, durations } = site.world;
  const over = new AbortController();
  const signal = AbortSignal.any([task.signal, over.signal]);
  const { off, forget } = site.whenOff(vm);
  const guest = async (): Promise<boolean> => {
    const answered = Promise.resolve(site.guests.shutdown?.(vm.vmid));
    await Promise.all([
      clock.delay(durations.shutdown, signal),
      answered.catch(() => clock.delay(patience + 1, signal)),
    ]);
    return true;
  };
  const late = (): Promise<boolean> => clock.delay(patience, signal).then(() => false);
  try {
    const outcomes = [guest(), late(), off.then(() => true)];
    // The losers of the race are aborted below; their AbortError is nobody's business any more.
    for (const outcome of outcomes) outcome.catch(() => {});
    return await Promise.race(outcomes);
  } finally {
    over.abort();
    forget();
  }
}

function requested(site: Site, vm: Vm, how: 'stop' | 'shutdown' | 'reset', by: string): void {
  const { vmid, generation } = vm;
  site.world.events.emit({ type: 'vm.stop-requested', vmid, name: nameOf(vm), generation, how, by });
}
