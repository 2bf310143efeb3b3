import { refusal } from './errors.js';

export interface Pool {
  poolid: string;
  comment?: string;
  vmids: number[];
}

/** Resource pools; a VM is in one at most. */
export class Pools {
  private readonly pools = new Map<string, Pool>();

  all(): Pool[] {
    return [...this.pools.values()];
  }

  /** @throws PveError when there is none of that name. */
  get(poolid: string): Pool {
    const pool = this.pools.get(poolid);
    if (!pool) throw refusal(`pool '${poolid}' does not exist`);
    return pool;
  }

  create(poolid: string, comment?: string): void {
    if (this.pools.has(poolid)) throw refusal(`create pool failed: pool '${poolid}' already exists`);
    this.pools.set(poolid, { poolid, vmids: [], ...(comment === undefined ? {} : { comment }) });
  }

  /** @throws PveError while it has members. */
  delete(poolid: string): void {
    const pool = this.get(poolid);
    if (pool.vmids.length > 0) throw refusal(`delete pool failed: pool '${poolid}' is not empty`);
    this.pools.delete(poolid);
  }

  poolOf(vmid: number): string | undefined {
    return this.all().find(({ vmids }) => vmids.includes(vmid))?.poolid;
  }

  add(poolid: string, vmid: number): void {
    const pool = this.get(poolid);
    this.remove(vmid);
    pool.vmids.push(vmid);
  }

  remove(vmid: number): void {
    for (const pool of this.all()) pool.vmids = pool.vmids.filter((member) => member !== vmid);
  }
}
