import { badParameters } from '../errors.js';
import type { Route } from '../http/router.js';
import { VERSION, hostResource, storageResource, vmResource } from '../reports.js';
import type { Site } from '../site.js';
import { taskRow } from './tasks.js';

const RESOURCE_TYPES = ['vm', 'storage', 'node', 'sdn', 'network'];

export const clusterRoutes: Route[] = [
  { method: 'GET', path: '/version', params: {}, run: () => VERSION },
  {
    method: 'GET',
    path: '/cluster/resources',
    params: { type: 'string?' },
    run: ({ site, params }) => resources(site, params.optional('type')),
  },
  {
    method: 'GET',
    path: '/cluster/nextid',
    params: { vmid: 'integer?' },
    run: ({ site, params }) => String(site.vms.nextId(params.number('vmid'))),
  },
  { method: 'GET', path: '/cluster/status', params: {}, run: ({ site, local }) => status(site, local) },
  { method: 'GET', path: '/cluster/tasks', params: {}, run: ({ site }) => site.tasks.list().slice(0, 25).map(taskRow) },
  // The lab has no job of either kind.
  { method: 'GET', path: '/cluster/replication', params: {}, run: () => [] },
  { method: 'GET', path: '/cluster/backup', params: {}, run: () => [] },
  // Privileges aren't emulated: a known token may do everything.
  {
    method: 'GET',
    path: '/access/permissions',
    params: { path: 'string?', userid: 'string?' },
    run: ({ params }) => ({
      [params.optional('path') ?? '/']: Object.fromEntries(PRIVILEGES.map((name) => [name, 1])),
    }),
  },
];

const PRIVILEGES = [
  'Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Mapping.Audit Mapping.Modify',
  'Mapping.Use Pool.Allocate Pool.Audit SDN.Use Sys.AccessNetwork Sys.Audit Sys.Modify VM.Allocate VM.Audit VM.Clone',
  'VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory',
  'VM.Config.Network VM.Config.Options VM.GuestAgent.Audit VM.Migrate VM.PowerMgmt',
].flatMap((line) => line.split(' '));

function resources(site: Site, type: string | undefined): unknown[] {
  if (type !== undefined && !RESOURCE_TYPES.includes(type)) {
    throw badParameters({
      type: `value '${type}' does not have a value in the enumeration '${RESOURCE_TYPES.join(', ')}'`,
    });
  }
  const wanted = (kind: string): boolean => type === undefined || type === kind;
  const hosts = site.hosts.all().map(({ name }) => name);
  return [
    ...(type === undefined ? site.pools.all().map(({ poolid }) => poolRow(poolid)) : []),
    ...(wanted('vm') ? site.vms.all().map((vm) => vmResource(site, vm)) : []),
    ...(wanted('node') ? hosts.map((name) => hostResource(site, name)) : []),
    ...(wanted('storage') ? hosts.flatMap((host) => storageRows(site, host)) : []),
  ];
}

function poolRow(pool: string): unknown {
  return { id: `/pool/${pool}`, type: 'pool', pool };
}

function storageRows(site: Site, host: string): unknown[] {
  return site.volumes.on(host).map(({ name }) => storageResource(site, name, host));
}

function status(site: Site, local: string): unknown[] {
  const hosts = site.hosts.all();
  const online = hosts.filter(({ name }) => !site.hosts.offline(name)).length;
  const quorate = online * 2 > hosts.length ? 1 : 0;
  return [
    { type: 'cluster', id: 'cluster', name: 'lab', nodes: hosts.length, quorate, version: hosts.length },
    ...hosts.map(({ name, address }, index) => ({
      type: 'node',
      id: `node/${name}`,
      name,
      ip: address,
      nodeid: index + 1,
      online: site.hosts.offline(name) ? 0 : 1,
      local: name === local ? 1 : 0,
      level: '',
    })),
  ];
}
