import type { Route } from '../http/router.js';
import { hostResource, hostStatus } from '../reports.js';
import { imageFilename, serverAnswer } from '../downloads.js';

export const nodeRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes',
    params: {},
    run: ({ site }) => site.hosts.all().map(({ name }) => hostResource(site, name)),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/status',
    params: {},
    run: ({ site, vars }) => hostStatus(site, vars.node!),
  },
  // Containers are guests of another kind, of which the lab has none.
  { method: 'GET', path: '/nodes/{node}/lxc', params: {}, run: ({ site, vars }) => (site.hosts.reach(vars.node!), []) },
  {
    method: 'GET',
    path: '/nodes/{node}/network',
    params: { type: 'string?' },
    run: ({ site, vars, params }) => {
      const wanted = params.optional('type');
      const bridges = site.hosts.reach(vars.node!).bridges;
      if (wanted !== undefined && !['bridge', 'any_bridge', 'any_local_bridge'].includes(wanted)) return [];
      return bridges.map((iface) => ({ iface, type: 'bridge', active: 1, autostart: 1, method: 'manual' }));
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/query-url-metadata',
    params: { url: 'string', 'verify-certificates': 'flag?' },
    run: ({ site, params }) => {
      const { size } = serverAnswer(site, params.text('url'));
      return { filename: imageFilename(params.text('url')), size, mimetype: 'application/octet-stream' };
    },
  },
];
