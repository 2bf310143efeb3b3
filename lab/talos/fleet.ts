import type { Hypervisors, Kubernetes, Machine, Machines, Storage, World } from '../world/world.js';
import type { FleetContext } from './context.js';
import { EtcdRegistry } from './etcd/registry.js';
import { type ImageFactory } from './factory/image-factory.js';
import { Guest } from './guest.js';
import type { Peers } from './rpc/router.js';
import { METHODS } from './rpc/methods.js';
import { unavailable } from './rpc/status.js';
import { Trust } from './trust.js';
import { isAbort } from './waiting.js';

export interface FleetDependencies {
  hypervisors: Hypervisors;
  kubernetes: Kubernetes;
  storage: Storage;
  /** Path of the real talosctl, which validates machine configurations. */
  talosctl: string;
  /** Who knows the schematics; the hypervisors ask the same one. The caller starts and closes its HTTP server. */
  images: ImageFactory;
}

/** The operating systems on the lab's VMs: boots, configures and runs them as the hypervisors power their VMs. */
export class TalosFleet implements Machines, Peers {
  private readonly guestsByVm = new Map<number, Guest>();
  private readonly listeners = new Set<() => void>();
  private readonly context: FleetContext;
  private readonly unsubscribe: () => void;

  constructor(
    private readonly world: World,
    private readonly deps: FleetDependencies,
  ) {
    const etcd = new EtcdRegistry(world);
    this.context = {
      ...deps,
      world,
      trust: new Trust(),
      etcd,
      methods: METHODS,
      peers: this,
      guests: () => this.poweredOn(),
      changed: () => this.announce(),
      onChange: (listener) => this.onChange(listener),
      failed: (part, error) => this.failed(part, error),
      kubernetesServes: () => this.apiServers().length > 0,
    };
    etcd.onChange(() => this.announce());
    etcd.onEnd(() => this.wipeKubernetes());
    deps.hypervisors.onShutdown(async (vmid) => this.guestsByVm.get(vmid)?.shutdown());
    deps.hypervisors.onAgentPing((vmid) => this.guestsByVm.get(vmid)?.agentAnswers ?? false);
    this.unsubscribe = this.followVms();
  }

  /** Ends every machine; resolves when nothing listens any more. The VMs are left as they are. */
  async close(): Promise<void> {
    this.unsubscribe();
    await Promise.all([...this.guestsByVm.values()].map((guest) => guest.powerOff()));
  }

  byNode(node: string): Machine | undefined {
    return this.booted()
      .find((guest) => guest.node === node)
      ?.boot?.machine();
  }

  /** Machines whose services run, control planes that wait for etcd included: their stage is still booting then. */
  running(): Machine[] {
    return this.booted().flatMap(({ boot }) => (boot?.up ? [boot.machine()] : []));
  }

  hasQuorum(): boolean {
    return this.context.etcd.all().some((cluster) => cluster.hasQuorum());
  }

  apiServers(): Machine[] {
    return this.booted().flatMap(({ boot }) => (boot?.up && boot.etcd?.healthy ? [boot.machine()] : []));
  }

  reach(from: Guest, address: string): Guest {
    const guest = this.booted().find((candidate) => candidate.address === address);
    const dialling = `transport: Error while dialing: dial tcp ${address}:50000`;
    if (!guest?.boot?.listens) throw unavailable(`connection error: desc = "${dialling}: connect: connection refused"`);
    const authority = from.boot?.configuration?.osAuthority.crt;
    if (guest.boot.reachable && guest.boot.configuration?.osAuthority.crt === authority) return guest;
    const handshake = 'transport: authentication handshake failed: tls: failed to verify certificate';
    throw unavailable(`connection error: desc = "${handshake}: x509: certificate signed by unknown authority"`);
  }

  private followVms(): () => void {
    const { events } = this.world;
    const stops = [
      events.on('vm.started', ({ vmid, generation }) => this.started(vmid, generation)),
      events.on('vm.stopped', ({ vmid }) => void this.guestsByVm.get(vmid)?.powerOff()),
      events.on('vm.deleted', ({ vmid, generation }) => this.deleted(vmid, generation)),
      events.on('vm.stop-requested', ({ vmid, how }) => {
        if (how === 'reset') this.guestsByVm.get(vmid)?.pressReset();
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  private started(vmid: number, generation: number): void {
    const hardware = this.deps.hypervisors.hardware(vmid);
    if (!hardware) return;
    let guest = this.guestsByVm.get(vmid);
    if (guest?.generation !== generation) this.guestsByVm.set(vmid, (guest = new Guest(this.context, hardware)));
    guest.powerOn(hardware);
  }

  private deleted(vmid: number, generation: number): void {
    const guest = this.guestsByVm.get(vmid);
    if (guest?.generation !== generation) return;
    this.guestsByVm.delete(vmid);
    void guest.powerOff();
    guest.deleted();
  }

  private poweredOn(): Guest[] {
    return [...this.guestsByVm.values()].filter((guest) => guest.poweredOn);
  }

  private booted(): Guest[] {
    return this.poweredOn().filter(({ boot }) => boot?.reacts);
  }

  private wipeKubernetes(): void {
    this.deps.storage.wipe();
    this.deps.kubernetes.wipe().catch((error: unknown) => this.failed('kubernetes', error));
  }

  private failed(part: string, error: unknown): void {
    if (isAbort(error)) return;
    this.world.events.emit({ type: 'lab.failure', part, message: (error as Error).message });
  }

  private onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private announce(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
