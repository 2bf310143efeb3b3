import type { Hardware, VirtualDisk } from '../world/world.js';

/** One bootable system on the disk. */
export interface InstalledSystem {
  schematic: string;
  version: string;
}

/** What Talos keeps on its system disk, by partition. Dies with the disk. */
interface DiskState {
  /** STATE: the machine configuration as it was sent. */
  configuration?: string;
  /** BOOT: what boots next, and what booted before it. */
  installed?: InstalledSystem;
  previous?: InstalledSystem;
  /** META: a legacy upgrade to do at the next boot. */
  stagedUpgrade?: string;
  /** EPHEMERAL: etcd's data directory. */
  etcd?: { cluster: string; member: string };
  /** EPHEMERAL: a snapshot that was sent for a recovery. */
  recovery?: Buffer;
  /** The whole disk was wiped: there is nothing left that could boot. */
  wiped?: boolean;
}

/** The system disk of a VM, as Talos sees it; reads and writes the disk's content in place. */
export class SystemDisk {
  private constructor(private readonly disk: VirtualDisk) {}

  /** The disk a VM boots from; undefined when it has none or there is no Talos on it. */
  static of(hardware: Hardware): SystemDisk | undefined {
    const disk = hardware.disks.find(({ slot }) => slot === 'scsi0');
    return disk?.content.image && !(disk.content.state as DiskState).wiped ? new SystemDisk(disk) : undefined;
  }

  get bytes(): number {
    return this.disk.bytes;
  }

  /** What boots next: the image the disk was made from, until something else is installed. */
  get installed(): InstalledSystem {
    return this.state.installed ?? this.disk.content.image!;
  }

  get previous(): InstalledSystem | undefined {
    return this.state.previous;
  }

  get configuration(): string | undefined {
    return this.state.configuration;
  }

  set configuration(text: string | undefined) {
    this.put('configuration', text);
  }

  get stagedUpgrade(): string | undefined {
    return this.state.stagedUpgrade;
  }

  set stagedUpgrade(image: string | undefined) {
    this.put('stagedUpgrade', image);
  }

  get etcd(): DiskState['etcd'] {
    return this.state.etcd;
  }

  set etcd(data: DiskState['etcd']) {
    this.put('etcd', data);
  }

  get recovery(): Buffer | undefined {
    return this.state.recovery;
  }

  set recovery(snapshot: Buffer | undefined) {
    this.put('recovery', snapshot);
  }

  /** Writes another system beside the one that boots now, and makes it the one that boots next. */
  install(system: InstalledSystem): void {
    const before = this.installed;
    this.put('previous', before);
    this.put('installed', system);
  }

  /** Makes the system that was replaced boot next. @returns false when there is none. */
  revert(): boolean {
    const { previous } = this.state;
    if (!previous) return false;
    this.put('previous', this.installed);
    this.put('installed', previous);
    return true;
  }

  /** Wipes partitions by label, or the whole disk. */
  wipe(labels: readonly string[] | 'everything'): void {
    if (labels === 'everything') {
      for (const key of Object.keys(this.state)) delete (this.state as Record<string, unknown>)[key];
      this.state.wiped = true;
      return;
    }
    if (labels.includes('STATE')) this.put('configuration', undefined);
    if (labels.includes('EPHEMERAL')) {
      this.put('etcd', undefined);
      this.put('recovery', undefined);
    }
    if (labels.includes('META')) this.put('stagedUpgrade', undefined);
    // Without the boot loader or its kernels there is nothing to boot, though the rest of the disk is there.
    if (labels.includes('BOOT') || labels.includes('EFI')) this.state.wiped = true;
  }

  private get state(): DiskState {
    return this.disk.content.state;
  }

  private put<K extends keyof DiskState>(key: K, value: DiskState[K] | undefined): void {
    if (value === undefined) delete this.state[key];
    else this.state[key] = value;
  }
}
