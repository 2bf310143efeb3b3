import type { Hardware, Hypervisors, World } from '../world/world.js';
import { ByHand } from './by-hand.js';
import { watchReusedIds } from './reused-id.js';
import { Site, type ResolveImage } from './site.js';
import { hardwareOf } from './vm/hardware.js';

/** The emulated Proxmox VE cluster: hosts, storages and VMs of one world. `startProxmox` puts its HTTP API up. */
export class ProxmoxCluster implements Hypervisors {
  /** What the HTTP API works on. */
  readonly site: Site;
  /** What people do past the API. */
  readonly byHand: ByHand;

  /** `resolveImage` says what an image URL holds; a URL it doesn't know can't be downloaded. */
  constructor(world: World, options: { resolveImage: ResolveImage }) {
    this.site = new Site(world, options.resolveImage);
    this.byHand = new ByHand(this.site);
    const stop = watchReusedIds(this.site, this.byHand);
    world.signal.addEventListener('abort', stop, { once: true });
  }

  hardware(vmid: number): Hardware | undefined {
    const vm = this.site.vms.find(vmid);
    return vm && hardwareOf(vm, this.site.volumes);
  }

  running(vmid: number): boolean {
    return this.site.vms.find(vmid)?.power !== undefined;
  }

  guestPowerOff(vmid: number): void {
    const vm = this.site.vms.find(vmid);
    if (vm) this.site.powerOff(vm, 'guest');
  }

  /**
   * The handler resolves when the guest is ready to lose power; one that never resolves is a guest that doesn't react.
   * Without a handler every guest goes down after `durations.shutdown`.
   */
  onShutdown(handler: (vmid: number) => Promise<void>): void {
    this.site.guests.shutdown = handler;
  }

  onAgentPing(handler: (vmid: number) => boolean): void {
    this.site.guests.agentPing = handler;
  }
}
