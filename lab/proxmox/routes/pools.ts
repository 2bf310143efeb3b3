import type { Params } from '../http/params.js';
import type { Route } from '../http/router.js';
import type { Pool } from '../pools.js';
import { splitList } from '../property-string.js';
import { vmResource } from '../reports.js';
import type { Site } from '../site.js';

const CHANGES = { vms: 'string?', comment: 'string?', delete: 'flag?', 'allow-move': 'flag?' } as const;

export const poolRoutes: Route[] = [
  {
    method: 'GET',
    path: '/pools',
    params: { poolid: 'string?', type: 'string?' },
    run: ({ site, params }) => {
      const poolid = params.optional('poolid');
      if (poolid === undefined) return site.pools.all().map(summary);
      const pool = site.pools.get(poolid);
      return [{ ...summary(pool), members: members(site, pool) }];
    },
  },
  {
    method: 'POST',
    path: '/pools',
    params: { poolid: 'string', comment: 'string?' },
    run: ({ site, params }) => site.pools.create(params.text('poolid'), params.optional('comment')),
  },
  {
    method: 'GET',
    path: '/pools/{poolid}',
    params: { type: 'string?' },
    run: ({ site, vars }) => {
      const pool = site.pools.get(vars.poolid!);
      const { comment } = pool;
      return { members: members(site, pool), ...(comment === undefined ? {} : { comment }) };
    },
  },
  // The first form is the one of today, the second still works.
  {
    method: 'PUT',
    path: '/pools',
    params: { poolid: 'string', ...CHANGES },
    run: ({ site, params }) => change(site, params.text('poolid'), params),
  },
  {
    method: 'PUT',
    path: '/pools/{poolid}',
    params: CHANGES,
    run: ({ site, vars, params }) => change(site, vars.poolid!, params),
  },
  {
    method: 'DELETE',
    path: '/pools/{poolid}',
    params: {},
    run: ({ site, vars }) => site.pools.delete(vars.poolid!),
  },
];

function change(site: Site, poolid: string, params: Params): void {
  const pool = site.pools.get(poolid);
  Object.assign(pool, params.pick('comment'));
  for (const vmid of splitList(params.text('vms')).map(Number)) {
    if (params.flag('delete')) site.pools.remove(vmid);
    else site.pools.add(poolid, vmid);
  }
}

function summary({ poolid, comment }: Pool): Record<string, unknown> {
  return { poolid, ...(comment === undefined ? {} : { comment }) };
}

function members(site: Site, { vmids }: Pool): unknown[] {
  return vmids.flatMap((vmid) => {
    const vm = site.vms.find(vmid);
    return vm ? [vmResource(site, vm)] : [];
  });
}
