import type { Call, Route } from '../http/router.js';
import { vmOf } from '../http/router.js';
import { vmRow } from '../reports.js';
import { cloneVm } from '../vm/clone.js';
import { createVm, readCreate } from '../vm/create.js';
import { destroyVm } from '../vm/destroy.js';
import { moveDisk, resizeDisk } from '../vm/disks.js';
import { migrateVm } from '../vm/migrate.js';
import { makeTemplate } from '../vm/template.js';

const VM = '/nodes/{node}/qemu/{vmid}';

/** VMs as a whole: list, make, clone, convert, move, remove. */
export const qemuRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/qemu',
    params: { full: 'flag?' },
    run: ({ site, vars }) => site.vms.on(vars.node!).map((vm) => vmRow(site, vm)),
  },
  {
    method: 'POST',
    path: '/nodes/{node}/qemu',
    run: ({ site, vars, params, user }) => createVm(site, readCreate(vars.node!, params.raw), user),
  },
  {
    method: 'DELETE',
    path: VM,
    params: { purge: 'flag?', 'destroy-unreferenced-disks': 'flag?', skiplock: 'flag?' },
    run: (call) => destroyVm(call.site, vmOf(call), call.params.flag('destroy-unreferenced-disks'), call.user),
  },
  {
    method: 'POST',
    path: `${VM}/clone`,
    params: {
      newid: 'integer',
      name: 'string?',
      description: 'string?',
      pool: 'string?',
      full: 'flag?',
      storage: 'string?',
      target: 'string?',
      format: 'string?',
      bwlimit: 'integer?',
    },
    run: clone,
  },
  {
    method: 'POST',
    path: `${VM}/template`,
    params: { disk: 'string?' },
    run: (call) => makeTemplate(call.site, vmOf(call), call.user),
  },
  {
    method: 'POST',
    path: `${VM}/migrate`,
    params: {
      target: 'string',
      online: 'flag?',
      force: 'flag?',
      'with-local-disks': 'flag?',
      targetstorage: 'string?',
      bwlimit: 'integer?',
    },
    run: migrate,
  },
  {
    method: 'PUT',
    path: `${VM}/resize`,
    params: { disk: 'string', size: 'string', digest: 'string?', skiplock: 'flag?' },
    run: (call) => resizeDisk(call.site, vmOf(call), call.params.text('disk'), call.params.text('size'), call.user),
  },
  {
    method: 'POST',
    path: `${VM}/move_disk`,
    params: {
      disk: 'string',
      storage: 'string',
      delete: 'flag?',
      format: 'string?',
      digest: 'string?',
      bwlimit: 'integer?',
    },
    run: (call) => {
      const [disk, storage] = [call.params.text('disk'), call.params.text('storage')];
      return moveDisk(call.site, vmOf(call), { disk, storage, removeOriginal: call.params.flag('delete') }, call.user);
    },
  },
];

function clone(call: Call): Promise<string> {
  const { site, params, vars, user } = call;
  const target = params.optional('target');
  return cloneVm(
    site,
    vmOf(call),
    {
      newid: params.number('newid')!,
      ...params.pick('name'),
      ...params.pick('description'),
      ...params.pick('pool'),
      ...params.pick('storage'),
      ...(target === undefined || target === vars.node ? {} : { target }),
      ...(params.optional('full') === undefined ? {} : { full: params.flag('full') }),
    },
    user,
  );
}

function migrate(call: Call): string {
  const { site, params, user } = call;
  const targetStorage = params.optional('targetstorage');
  return migrateVm(
    site,
    vmOf(call),
    {
      target: params.text('target'),
      online: params.flag('online'),
      withLocalDisks: params.flag('with-local-disks'),
      ...(targetStorage === undefined ? {} : { targetStorage }),
    },
    user,
  );
}
