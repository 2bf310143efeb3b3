import type { Params } from '../http/params.js';
import type { Route } from '../http/router.js';
import type { PciMapping } from '../mappings.js';
import { splitList } from '../property-string.js';
import type { Site } from '../site.js';

const FIELDS = { description: 'string?', mdev: 'flag?', 'live-migration-capable': 'flag?' } as const;

export const mappingRoutes: Route[] = [
  {
    method: 'GET',
    path: '/cluster/mapping/pci',
    params: { 'check-node': 'string?' },
    run: ({ site, params }) => {
      const host = params.optional('check-node');
      // The host that is asked to check is the one that answers.
      if (host !== undefined) site.hosts.reach(host);
      const checks = (id: string) => (host === undefined ? {} : { checks: site.mappings.checks(id, host) });
      return site.mappings.all().map((mapping) => ({ ...row(site, mapping), ...checks(mapping.id) }));
    },
  },
  {
    method: 'POST',
    path: '/cluster/mapping/pci',
    params: { id: 'string', map: 'string', ...FIELDS },
    run: ({ site, params }) => site.mappings.create({ id: params.text('id'), map: [], ...given(params) }),
  },
  {
    method: 'GET',
    path: '/cluster/mapping/pci/{id}',
    params: {},
    run: ({ site, vars }) => row(site, site.mappings.get(vars.id!)),
  },
  {
    method: 'PUT',
    path: '/cluster/mapping/pci/{id}',
    params: { map: 'string?', delete: 'string?', digest: 'string?', ...FIELDS },
    run: ({ site, vars, params }) => site.mappings.update(vars.id!, given(params), splitList(params.text('delete'))),
  },
  {
    method: 'DELETE',
    path: '/cluster/mapping/pci/{id}',
    params: {},
    run: ({ site, vars }) => site.mappings.delete(vars.id!),
  },
];

function given(params: Params): Partial<PciMapping> {
  const map = params.optional('map');
  return {
    ...params.pick('description'),
    ...params.pick('mdev'),
    ...params.pick('live-migration-capable'),
    ...(map === undefined ? {} : { map: map.split('\0') }),
  };
}

function row(site: Site, { mdev, 'live-migration-capable': live, ...mapping }: PciMapping): object {
  const flags = {
    ...(mdev === undefined ? {} : { mdev: Number(mdev) }),
    ...(live === undefined ? {} : { 'live-migration-capable': Number(live) }),
  };
  return { ...mapping, ...flags, type: 'pci', digest: site.mappings.digest() };
}
