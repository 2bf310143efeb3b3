import { badParameters, refusal, type PveError } from '../errors.js';
import { nameOf, type Config, type Vm } from './model.js';

/** All VMs of the cluster by their ids, which are unique over all hosts. */
export class Vms {
  private readonly vms = new Map<number, Vm>();
  private generations = 0;

  all(): Vm[] {
    return [...this.vms.values()].sort((a, b) => a.vmid - b.vmid);
  }

  on(host: string): Vm[] {
    return this.all().filter((vm) => vm.host === host);
  }

  find(vmid: number): Vm | undefined {
    return this.vms.get(vmid);
  }

  named(name: string): Vm | undefined {
    return this.all().find((vm) => nameOf(vm) === name);
  }

  /** @throws PveError when the VM isn't there, or lives on another host than the one asked. */
  get(vmid: number, host: string): Vm {
    const vm = this.vms.get(vmid);
    if (vm?.host !== host) throw missing(vmid, host);
    return vm;
  }

  /** Takes the id with an empty, locked configuration. The caller has made sure that it is free. */
  reserve(vmid: number, host: string, lock: string): Vm {
    const vm: Vm = { vmid, host, config: {}, lock, generation: ++this.generations };
    this.vms.set(vmid, vm);
    return vm;
  }

  /** Whether this very VM still exists: its id may belong to another one by now. */
  has(vm: Vm): boolean {
    return this.vms.get(vm.vmid) === vm;
  }

  /** @throws PveError when the VM was removed meanwhile, while its lock file was waited for or a copy was made. */
  assertPresent(vm: Vm): void {
    if (!this.has(vm)) throw missing(vm.vmid, vm.host);
  }

  remove(vm: Vm): void {
    if (this.has(vm)) this.vms.delete(vm.vmid);
  }

  /** The lowest free id from 100 on, or the asked one. @throws PveError when that is taken. */
  nextId(asked?: number): number {
    if (asked !== undefined) {
      if (this.vms.has(asked)) throw badParameters({ vmid: `VM ${asked} already exists` });
      return asked;
    }
    let vmid = 100;
    while (this.vms.has(vmid)) vmid += 1;
    return vmid;
  }
}

function missing(vmid: number, host: string): PveError {
  return refusal(`Configuration file 'nodes/${host}/qemu-server/${vmid}.conf' does not exist`);
}

/** @throws PveError while something else works on the VM. */
export function assertUnlocked(vm: Vm): void {
  if (vm.lock !== undefined) throw refusal(`VM is locked (${vm.lock})`);
}

/** @throws PveError when the VM is protected. */
export function assertUnprotected(config: Config, deed: string): void {
  if (config.protection === '1') throw refusal(`${deed} - protection mode enabled`);
}
