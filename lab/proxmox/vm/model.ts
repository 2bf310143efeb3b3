/** A VM's configuration as its file holds it: one text a key, without the lock. */
export type Config = Record<string, string>;

/** A VM or template. Plain data, so that it can be written down. */
export interface Vm {
  vmid: number;
  /** Counts incarnations over the whole lab. */
  generation: number;
  host: string;
  config: Config;
  /** clone, create, migrate ...: what works on it and keeps everybody else out. */
  lock?: string;
  /** There while it runs. */
  power?: Power;
}

/** A running VM: what its guest sees, which is not yet what changed in the configuration since. */
export interface Power {
  pid: number;
  /** Milliseconds since the epoch. */
  since: number;
  /** The configuration it runs with. */
  config: Config;
  /** What its cloud-init drive says; empty without one. */
  cloudInit: Config;
  /** PCI devices it holds, by hostpciN: addresses on its host. */
  pci: Record<string, string>;
}

export function nameOf(vm: Vm): string {
  return vm.config.name ?? `VM ${vm.vmid}`;
}

export function isTemplate(vm: Vm): boolean {
  return vm.config.template === '1';
}

/** Bytes. 512 MiB unless said otherwise; `memory` may be written as `current=N`. */
export function memoryOf(config: Config): number {
  return Number(config.memory?.replace(/^current=/, '') ?? 512) * 2 ** 20;
}

export function coresOf(config: Config): number {
  return Number(config.vcpus ?? Number(config.sockets ?? 1) * Number(config.cores ?? 1));
}
