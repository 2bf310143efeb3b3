import type { ProxmoxHost } from '../world/inventory.js';
import type { World } from '../world/world.js';
import { PveError, refusal } from './errors.js';

/** The cluster's hosts, and whether they can be reached. */
export class Hosts {
  constructor(private readonly world: World) {}

  all(): ProxmoxHost[] {
    return this.world.inventory.hosts;
  }

  find(name: string): ProxmoxHost | undefined {
    return this.all().find((host) => host.name === name);
  }

  offline(name: string): boolean {
    return this.world.faults.has('host-offline', name);
  }

  /**
   * The host that a request below /nodes/NAME is passed on to.
   * @throws PveError 500 when there is none of that name, 595 when it doesn't answer.
   */
  reach(name: string): ProxmoxHost {
    const host = this.find(name);
    if (!host) {
      const looked = `failed to get address info for: ${name}: Name or service not known`;
      throw refusal(`hostname lookup '${name}' failed - ${looked}`);
    }
    if (this.offline(name)) throw new PveError(595, 'No route to host');
    return host;
  }
}
