import type { EventLog } from '../world/events.js';
import { mayPromote, stateName } from './model/drbd.js';
import type { Model } from './model/model.js';
import { flagsOf, isDiskless, type Replica } from './model/state.js';

export interface Promotion {
  resource_name: string;
  node_name: string;
  /** Absent when the controller doesn't know. */
  may_promote?: boolean;
}

interface Seen {
  resource: string;
  node: string;
  pool: string;
  diskful: boolean;
  state: string;
  flags: string[];
}

/** Tells the world's event log, and the promotion stream, what is different from the last time. */
export class Publisher {
  private nodes = new Map<string, string>();
  private replicas = new Map<string, Seen>();
  private promotions = new Map<string, Promotion>();
  private faulty = '[]';

  constructor(
    private readonly model: Model,
    private readonly events: EventLog,
    private readonly onPromotion: (promotion: Promotion) => void,
  ) {}

  publish(): void {
    this.publishNodes();
    this.publishReplicas();
    this.publishPromotions();
    const resources = this.model.faultyResources();
    if (JSON.stringify(resources) === this.faulty) return;
    this.faulty = JSON.stringify(resources);
    this.events.emit({ type: 'linstor.faulty', resources });
  }

  private publishNodes(): void {
    const now = new Map<string, string>();
    for (const { name, online, flags } of this.model.cluster.nodes.values()) {
      const status = online ? 'ONLINE' : 'OFFLINE';
      now.set(name, JSON.stringify([status, ...flags]));
      if (now.get(name) === this.nodes.get(name)) continue;
      this.events.emit({ type: 'linstor.node', node: name, status, flags: [...flags] });
    }
    for (const node of this.nodes.keys()) {
      if (!now.has(node)) this.events.emit({ type: 'linstor.node', node, status: 'DELETED', flags: [] });
    }
    this.nodes = now;
  }

  private publishReplicas(): void {
    const now = new Map<string, Seen>();
    // By UUID: a replica deleted and made again under the same names within one change is two of them.
    for (const replica of this.model.cluster.replicas()) now.set(replica.uuid, see(replica));
    // States first: an old replica goes because its successor has become UpToDate, and must not seem to go before.
    for (const [uuid, seen] of now) {
      const before = this.replicas.get(uuid);
      if (before && JSON.stringify(before) !== JSON.stringify(seen)) this.emit('state', seen);
    }
    for (const [uuid, seen] of this.replicas) if (!now.has(uuid)) this.emit('deleted', seen);
    for (const [uuid, seen] of now) if (!this.replicas.has(uuid)) this.emit('created', seen);
    this.replicas = now;
  }

  private emit(change: 'created' | 'state' | 'deleted', seen: Seen): void {
    this.events.emit({ type: 'linstor.replica', change, ...seen });
  }

  private publishPromotions(): void {
    const now = new Map<string, Promotion>();
    for (const promotion of this.currentPromotions()) {
      const key = `${promotion.resource_name} ${promotion.node_name}`;
      now.set(key, promotion);
      if (this.promotions.get(key)?.may_promote !== promotion.may_promote) this.onPromotion(promotion);
    }
    this.promotions = now;
  }

  /** What the promotion stream would say of every replica now. */
  currentPromotions(): Promotion[] {
    const replicas = this.model.cluster.replicas().filter((replica) => replica.definition.drbd);
    return replicas.map((replica) => ({
      resource_name: replica.definition.name,
      node_name: replica.node.name,
      ...(replica.node.online ? { may_promote: mayPromote(replica) } : {}),
    }));
  }
}

function see(replica: Replica): Seen {
  return {
    resource: replica.definition.name,
    node: replica.node.name,
    pool: replica.pool.name,
    diskful: !isDiskless(replica),
    state: stateName(replica),
    flags: flagsOf(replica),
  };
}
