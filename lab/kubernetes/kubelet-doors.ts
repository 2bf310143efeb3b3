import type { Machine, World } from '../world/world.js';
import { KUBELET_PORT } from './names.js';
import { TcpProxy } from './proxy.js';

/**
 * The kubelets' own API on each node's address, which the API server asks for forwarded ports and logs. One program
 * serves it for all of them, so each door leads there, and is open only while its kubelet is up.
 */
export class KubeletDoors {
  private readonly doors = new Map<string, TcpProxy>();

  constructor(
    private readonly world: World,
    private readonly server: { host: string; port: number },
  ) {}

  /** @param machine the node's machine while its kubelet is up. */
  update(node: string, machine: Machine | undefined): void {
    this.doors.get(node)?.close();
    this.doors.delete(node);
    if (!machine) return;
    const proxy = new TcpProxy({
      listen: { host: machine.address, port: KUBELET_PORT },
      target: this.server,
      onError: ({ message }) =>
        this.world.events.emit({ type: 'lab.failure', part: `kubelet ${node}`, message: `its API: ${message}` }),
    });
    this.doors.set(node, proxy);
  }

  close(): void {
    for (const node of [...this.doors.keys()]) this.update(node, undefined);
  }
}
