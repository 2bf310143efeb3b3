import { LinstorUnreachable, type Linstor } from '../../../operations/src/index';
import type {
  LinstorDefinition,
  LinstorEntry,
  LinstorGroup,
  LinstorNode,
  LinstorPool,
  LinstorResource,
} from '../../../operations/src/clients/linstorTypes';
import type { VirtualClock } from './virtualClock';

const GIB_IN_KIB = 1024 * 1024;
export const POOL = 'lvm-thick';

/** A LINSTOR controller in memory: an evacuation flags at once and moves replicas over time, as the real one does. */
export class FakeLinstor implements Linstor {
  nodesList: LinstorNode[] = [];
  list: LinstorResource[] = [];
  groupsList: LinstorGroup[] = [{ name: 'replicated', select_filter: { place_count: 2, storage_pool_list: [POOL] } }];
  free = new Map<string, number>();
  /** Requests that change something. */
  readonly writes: string[] = [];
  down = false;
  /** Milliseconds that one replica takes to synchronise; Infinity: it never ends. */
  syncTime = 10_000;
  /** Milliseconds from the flag to the first replica being created. */
  startTime = 0;
  /** Answers to the next evacuations, before the default one; an error answer moves nothing. */
  answers: LinstorEntry[][] = [];
  /** When false, restore answers well and changes nothing. */
  restores = true;

  constructor(private readonly clock: VirtualClock) {}

  satellite(name: string, status = 'ONLINE'): LinstorNode {
    const node: LinstorNode = { name, type: 'SATELLITE', connection_status: status };
    this.nodesList.push(node);
    this.free.set(name, 100 * GIB_IN_KIB);
    return node;
  }

  replica(name: string, node: string, gib = 1, more: Partial<LinstorResource> = {}): LinstorResource {
    const replica = diskful(name, node, gib * GIB_IN_KIB, 'UpToDate');
    this.list.push({ ...replica, ...more });
    return this.list.at(-1) as LinstorResource;
  }

  find(name: string): LinstorNode {
    const node = this.nodesList.find((candidate) => candidate.name === name);
    if (!node) throw new Error(`no LINSTOR node ${name}`);
    return node;
  }

  on(node: string): string[] {
    return this.list.filter(({ node_name }) => node_name === node).map(({ name }) => name);
  }

  async nodes(): Promise<LinstorNode[]> {
    return this.reply(this.nodesList);
  }

  async node(name: string): Promise<LinstorNode | undefined> {
    return this.reply(this.nodesList.find((node) => node.name === name));
  }

  async resources(): Promise<LinstorResource[]> {
    return this.reply(this.list);
  }

  async pools(): Promise<LinstorPool[]> {
    const pools = [...this.free].map(([node_name, free_capacity]) => ({
      node_name,
      storage_pool_name: POOL,
      provider_kind: 'LVM',
      free_capacity,
    }));
    return this.reply(pools);
  }

  async groups(): Promise<LinstorGroup[]> {
    return this.reply(this.groupsList);
  }

  async definitions(): Promise<LinstorDefinition[]> {
    const names = [...new Set(this.list.map(({ name }) => name))];
    return this.reply(names.map((name) => ({ name, resource_group_name: 'replicated' })));
  }

  async evacuate(node: string): Promise<LinstorEntry[]> {
    await this.reply(undefined);
    this.writes.push(`evacuate ${node}`);
    this.find(node).flags = ['EVACUATE'];
    const answer = this.answers.shift();
    if (answer) return answer;
    this.clock.after(this.startTime, () => this.startSync(node));
    return [];
  }

  async restore(node: string): Promise<LinstorEntry[]> {
    await this.reply(undefined);
    this.writes.push(`restore ${node}`);
    if (this.restores) delete this.find(node).flags;
    return [entry('success', 0, `Successfully restored node ${node}`)];
  }

  async lose(node: string): Promise<LinstorEntry[]> {
    await this.reply(undefined);
    this.writes.push(`lose ${node}`);
    this.nodesList = this.nodesList.filter(({ name }) => name !== node);
    return [];
  }

  private startSync(node: string): void {
    for (const replica of this.list.filter(({ node_name }) => node_name === node)) {
      const taken = this.list.filter(({ name }) => name === replica.name).map(({ node_name }) => node_name);
      const target = this.nodesList.find(({ name, flags }) => !taken.includes(name) && !flags);
      if (!target) continue;
      const copy = diskful(replica.name, target.name, 1, 'SyncTarget(10.00%)');
      this.list.push(copy);
      if (this.syncTime < Infinity) this.clock.after(this.syncTime, () => this.finishSync(replica, copy));
    }
  }

  private finishSync(old: LinstorResource, copy: LinstorResource): void {
    const index = this.list.indexOf(copy);
    this.list[index] = { ...old, node_name: copy.node_name, state: { in_use: false } };
    this.list = this.list.filter((replica) => replica !== old);
  }

  private async reply<T>(value: T): Promise<T> {
    if (this.down) throw new LinstorUnreachable('connection refused');
    return Promise.resolve(structuredClone(value));
  }
}

export function entry(severity: LinstorEntry['severity'], number: number, message: string): LinstorEntry {
  return { code: BigInt(number), severity, number, message };
}

export function diskful(name: string, node: string, kib: number, disk: string): LinstorResource {
  return {
    name,
    node_name: node,
    state: { in_use: false },
    layer_object: { type: 'DRBD', drbd: { connections: {} } },
    volumes: [
      {
        volume_number: 0,
        storage_pool_name: POOL,
        provider_kind: 'LVM',
        allocated_size_kib: kib,
        state: { disk_state: disk },
      },
    ],
  };
}
