import type { Recorded } from '../world/events.js';
import type { Fleet } from './fleet.js';
import type { PowerEvent } from './power.js';
import type { Report } from './verdict.js';

interface Replica {
  resource: string;
  node: string;
  pool: string;
  diskful: boolean;
  state: string;
}

/**
 * I3: a VM loses its power only while no LINSTOR resource is faulty and its node holds no diskful replica in the
 * guarded pool; and no resource ever loses its last UpToDate replica, unless somebody deleted the whole resource.
 */
export class StorageRule {
  private faulty: string[] = [];
  private readonly replicas = new Map<string, Replica>();
  private readonly removed = new Set<string>();
  private readonly told = new Set<string>();

  constructor(
    private readonly fleet: Fleet,
    private readonly report: Report,
    /** The guarded storage pool. */
    private readonly pool: string,
  ) {}

  /** `armed`: outside the watch, states are only noted. */
  onEvent(event: Recorded, armed: boolean): void {
    if (event.type === 'linstor.faulty') this.faulty = [...event.resources];
    if (event.type === 'api.write') this.noteRemoval(event);
    if (event.type === 'linstor.replica') this.replica(event, armed);
  }

  /** To be called while the fleet still knows the VM. */
  powerLost(loss: PowerEvent): void {
    if (!this.fleet.node(loss.name)) return;
    const held = [...this.replicas.values()].filter(
      ({ node, diskful, pool }) => node === loss.name && diskful && pool === this.pool,
    );
    if (this.faulty.length > 0) {
      this.once(loss, `LINSTOR resources were faulty: ${this.faulty.join(', ')}`, { faulty: this.faulty });
    }
    if (held.length > 0) {
      const names = held.map(({ resource }) => resource);
      this.once(loss, `its node held replicas in ${this.pool}: ${names.join(', ')}`, { held });
    }
  }

  private noteRemoval({ api, method, path }: Extract<Recorded, { type: 'api.write' }>): void {
    const resource = /^\/v1\/resource-definitions\/([^/?]+)\/?(\?|$)/.exec(path)?.[1];
    if (api === 'linstor' && method === 'DELETE' && resource)
      this.removed.add(decodeURIComponent(resource).toLowerCase());
  }

  private replica(event: Extract<Recorded, { type: 'linstor.replica' }>, armed: boolean): void {
    const { resource, node, pool, diskful, state } = event;
    const before = this.upToDate(resource);
    if (event.change === 'deleted') this.replicas.delete(`${resource} ${node}`);
    else this.replicas.set(`${resource} ${node}`, { resource, node, pool, diskful, state });
    const lost = before.length > 0 && this.upToDate(resource).length === 0;
    if (!lost || !armed || this.removed.has(resource.toLowerCase())) return;
    const what = `resource ${resource} lost its last UpToDate replica, on ${node}`;
    this.report('I3', what, { resource, node, change: event.change, state, replicas: this.of(resource) });
  }

  /** The request, the stop and the deletion of one VM with one cause are one violation. */
  private once({ name, vmid, generation, how }: PowerEvent, cause: string, evidence: Record<string, unknown>): void {
    const key = `${generation} ${cause}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    this.report('I3', `the VM of ${name} was ${how} while ${cause}`, { node: name, vmid, generation, ...evidence });
  }

  private of(resource: string): Replica[] {
    return [...this.replicas.values()].filter((replica) => replica.resource === resource);
  }

  private upToDate(resource: string): Replica[] {
    return this.of(resource).filter(({ diskful, state }) => diskful && state === 'UpToDate');
  }
}
