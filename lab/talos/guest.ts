import type { Hardware } from '../world/world.js';
import { Boot, type Outcome } from './boot.js';
import type { FleetContext } from './context.js';
import { SystemDisk } from './disk.js';
import { shutdownFromOutside } from './sequences.js';
import { forever } from './waiting.js';

/**
 * Clients that follow a reboot subscribe to events again a second after its first event, and wait for ever when the
 * machine is up again by then. So a machine stays away longer than that, whatever the durations say (milliseconds).
 */
const SHORTEST_OUTAGE = 1800;

/** The operating system on one VM, from the VM's creation to its deletion: boots whenever the VM has power. */
export class Guest {
  /** The boot that runs now; undefined while the VM is off or between two boots. */
  boot: Boot | undefined;
  private power: AbortController | undefined;
  private life: Promise<void> = Promise.resolve();

  constructor(
    private readonly fleet: FleetContext,
    /** As of the last power on. */
    private hardwareNow: Hardware,
  ) {}

  get vmid(): number {
    return this.hardwareNow.vmid;
  }

  get generation(): number {
    return this.hardwareNow.generation;
  }

  get hardware(): Hardware {
    return this.hardwareNow;
  }

  /** The machine API's address: nocloud's static one. Without it the machine has no network. */
  get address(): string {
    return this.hardwareNow.ipConfigs[0]?.address.replace(/\/\d+$/, '') ?? '';
  }

  /** Host name: the configuration's, or the platform's, which is the VM's name. */
  get node(): string {
    return this.boot?.configuration?.hostname ?? this.hardwareNow.name;
  }

  get poweredOn(): boolean {
    return this.power !== undefined;
  }

  powerOn(hardware: Hardware): void {
    this.hardwareNow = hardware;
    const power = new AbortController();
    this.power = power;
    const before = this.life;
    this.life = before
      .then(() => this.run(AbortSignal.any([power.signal, this.fleet.world.signal])))
      .catch((error: unknown) => this.fleet.failed(`talos ${this.node}`, error));
  }

  /** The VM lost its power: nothing gets the time to say anything. Resolves when all of it has ended. */
  powerOff(): Promise<void> {
    this.power?.abort();
    this.power = undefined;
    return this.life;
  }

  /** The hypervisor pressed reset: the system starts over, and nothing gets the time to say anything. */
  pressReset(): void {
    this.boot?.finish('reset');
  }

  /** The hypervisor asks for a shutdown. A guest without a running system never answers. */
  async shutdown(): Promise<void> {
    const { boot } = this;
    if (!boot?.reacts) return new Promise(() => undefined);
    await shutdownFromOutside(boot);
  }

  /** Whether a guest agent answers the hypervisor. */
  get agentAnswers(): boolean {
    return this.boot?.signal.aborted === false && this.boot.services.get('ext-qemu-guest-agent')?.state === 'Running';
  }

  /** The disks went with the VM. */
  deleted(): void {
    const data = SystemDisk.of(this.hardwareNow)?.etcd;
    if (data) this.fleet.etcd.lose(data.cluster, data.member);
  }

  private async run(signal: AbortSignal): Promise<void> {
    let before: Outcome | undefined;
    do {
      before = await this.bootOnce(signal, before);
      if (before === 'reboot') await this.outage(signal);
    } while (before === 'reboot' || before === 'reset');
    if (before === 'halt') this.fleet.hypervisors.guestPowerOff(this.vmid);
  }

  private async bootOnce(signal: AbortSignal, before: Outcome | undefined): Promise<Outcome> {
    const disk = SystemDisk.of(this.hardwareNow);
    // No Talos on the disk: the firmware waits for something to boot from.
    if (!disk) return forever(signal);
    this.installStaged(disk);
    const boot = new Boot(this.fleet, this, disk, before === 'reboot');
    this.boot = boot;
    try {
      return await boot.live(signal);
    } finally {
      this.boot = undefined;
      this.fleet.changed();
    }
  }

  /** An upgrade that was staged is done before anything else starts. */
  private installStaged(disk: SystemDisk): void {
    const { stagedUpgrade } = disk;
    if (stagedUpgrade === undefined) return;
    disk.stagedUpgrade = undefined;
    disk.install(this.fleet.images.resolveInstaller(stagedUpgrade));
  }

  private outage(signal: AbortSignal): Promise<void> {
    const { clock, durations } = this.fleet.world;
    return clock.delay(Math.max(durations.reboot, SHORTEST_OUTAGE), signal);
  }
}
