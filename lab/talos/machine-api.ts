import type { MachineConfiguration } from './configuration.js';
import type { FleetContext } from './context.js';
import type { Guest } from './guest.js';
import { Listener } from './rpc/listener.js';
import { Router } from './rpc/router.js';
import type { ServerIdentity } from './trust.js';
import { until } from './waiting.js';

type Mode = 'maintenance' | 'configured';

/** Where one boot's machine API listens, and with which certificate; nowhere while a fault keeps it from it. */
export class MachineApi {
  private listener: Listener | undefined;
  private mode: Mode | undefined;
  private wanted: { mode: Mode; identity: ServerIdentity } | undefined;
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly fleet: FleetContext,
    private readonly guest: Guest,
    private readonly signal: AbortSignal,
  ) {
    const stop = fleet.world.faults.onChange(({ name }) => {
      if (name !== 'talos-unreachable') return;
      this.apply('at once').catch((error: unknown) => fleet.failed(`talos ${guest.node}`, error));
    });
    signal.addEventListener('abort', stop, { once: true });
  }

  /** How it listens; undefined while it does not. */
  get listens(): Mode | undefined {
    return this.listener && this.mode;
  }

  /**
   * Serves a configured machine, or in maintenance mode without a configuration. A worker has to wait for a control
   * plane to get its certificate from. @throws the signal's reason when the boot ends first.
   */
  async serve(configuration: MachineConfiguration | undefined): Promise<void> {
    // Without an address there is no network, and nobody to answer.
    if (this.guest.address === '') return;
    // Nobody is answered with the old certificate while the new one is waited for.
    await this.close('in order');
    const identity = await this.identity(configuration);
    this.wanted = { mode: configuration ? 'configured' : 'maintenance', identity };
    await this.apply('in order');
  }

  async close(how: 'at once' | 'in order'): Promise<void> {
    this.wanted = undefined;
    await this.apply(how);
  }

  private async identity(configuration: MachineConfiguration | undefined): Promise<ServerIdentity> {
    const { trust } = this.fleet;
    const { node, address } = this.guest;
    if (!configuration) return trust.selfSigned(node, address);
    if (configuration.role === 'controlplane') return trust.ownIdentity(configuration, node, address);
    await until(
      () => this.fleet.guests().some((guest) => isControlPlaneOf(guest, configuration)),
      (listener) => this.fleet.onChange(listener),
      this.signal,
    );
    return (await trust.issuedIdentity(configuration, node, address))!;
  }

  /** One change after the other: an address is free only when the listener before has closed. */
  private apply(how: 'at once' | 'in order'): Promise<void> {
    this.queue = this.queue.catch(() => undefined).then(() => this.change(how));
    return this.queue;
  }

  private async change(how: 'at once' | 'in order'): Promise<void> {
    const before = this.listener;
    this.listener = undefined;
    await before?.close(how);
    const { wanted, guest, fleet } = this;
    if (!wanted || this.signal.aborted || fleet.world.faults.has('talos-unreachable', guest.node)) return;
    const router = new Router(guest, fleet.peers, fleet.methods, wanted.mode);
    this.listener = await Listener.open(guest.address, fleet.world.network.ports.talos, wanted.identity, router);
    this.mode = wanted.mode;
    this.fleet.changed();
  }
}

function isControlPlaneOf({ boot }: Guest, configuration: MachineConfiguration): boolean {
  return (
    boot?.reachable === true &&
    boot.configuration?.role === 'controlplane' &&
    boot.configuration.osAuthority.crt === configuration.osAuthority.crt
  );
}
