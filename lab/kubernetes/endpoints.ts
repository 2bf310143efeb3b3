import type { Machines, World } from '../world/world.js';
import { TcpProxy } from './proxy.js';

/** One address at which the API is served. */
interface Door {
  proxy: TcpProxy;
  /** The node that holds the address. */
  holder: string;
}

/**
 * The Kubernetes API as the cluster's clients reach it: on each serving control plane's address, and on the virtual
 * address as long as any serves. These are plain TCP proxies to the real API server, so that a machine that goes takes
 * its connections with it, and lost quorum takes all of them.
 */
export class ApiEndpoints {
  private readonly doors = new Map<string, Door>();
  private target: { host: string; port: number; virtual: string } | undefined;
  private reachable = false;
  private accepted = 0;
  private pending = false;
  private readonly unsubscribe: (() => void)[];

  constructor(
    private readonly world: World,
    private readonly machines: () => Machines,
    private readonly onChange: (reachable: boolean) => void,
  ) {
    this.unsubscribe = [
      world.events.subscribe(({ type }) => {
        if (type === 'etcd.quorum' || type === 'etcd.member' || type.startsWith('machine.')) this.later();
      }),
      world.faults.onChange(({ name }) => {
        if (name === 'kubernetes-api-down') this.update();
      }),
    ];
  }

  /** Begins to serve, when control planes do. @param virtual the host of the cluster's endpoint. */
  open(apiServer: { host: string; port: number }, virtual: string): void {
    this.target = { ...apiServer, virtual };
    this.update();
  }

  /** Refuses connections until it is opened again, and cuts those that are. */
  shut(): void {
    this.target = undefined;
    this.update();
  }

  close(): void {
    for (const stop of this.unsubscribe) stop();
    this.shut();
  }

  /** After the event's other listeners: the machines' own books may be among them. */
  private later(): void {
    if (this.pending) return;
    this.pending = true;
    setImmediate(() => {
      this.pending = false;
      this.update();
    });
  }

  private update(): void {
    const wanted = this.wanted();
    for (const [address, door] of [...this.doors]) {
      const holder = wanted.get(address);
      if (holder === undefined) this.remove(address, door);
      else if (holder !== door.holder) moveTo(holder, door);
    }
    for (const [address, holder] of wanted) {
      if (this.target && !this.doors.has(address)) this.add(address, holder, this.target);
    }
    if (wanted.size > 0 === this.reachable) return;
    this.reachable = wanted.size > 0;
    this.world.events.emit({ type: 'kubernetes.api', reachable: this.reachable });
    this.onChange(this.reachable);
  }

  /** Address to the node that holds it. */
  private wanted(): Map<string, string> {
    if (!this.target || this.world.faults.has('kubernetes-api-down')) return new Map();
    const serving = this.machines().hasQuorum() ? this.machines().apiServers() : [];
    const wanted = new Map(serving.map((machine) => [machine.address, machine.node]));
    const { virtual } = this.target;
    if (serving.length === 0 || wanted.has(virtual)) return wanted;
    const before = this.doors.get(virtual)?.holder;
    const kept = serving.find((machine) => machine.node === before) ?? serving[0]!;
    return wanted.set(virtual, kept.node);
  }

  private add(address: string, holder: string, target: { host: string; port: number }): void {
    const proxy = new TcpProxy({
      listen: { host: address, port: this.world.network.ports.kubernetes },
      target: { host: target.host, port: target.port },
      admits: () => this.admits(),
      onError: ({ message }) => this.world.events.emit({ type: 'lab.failure', part: 'kubernetes-endpoint', message }),
    });
    this.doors.set(address, { proxy, holder });
  }

  private remove(address: string, door: Door): void {
    this.doors.delete(address);
    door.proxy.close();
  }

  private admits(): boolean {
    this.accepted += 1;
    return this.accepted % 2 === 1 || !this.world.faults.has('kubernetes-api-flaps');
  }
}

/** The virtual address moves to another machine: connections to the one before are lost. */
function moveTo(holder: string, door: Door): void {
  door.holder = holder;
  door.proxy.cut();
}
