import { downloadUrl } from '../downloads.js';
import { refusal } from '../errors.js';
import type { Call, Route } from '../http/router.js';
import { splitList } from '../property-string.js';
import { storageStatus, volumeRow } from '../reports.js';
import type { ContentType } from '../volumes.js';

const AT = '/nodes/{node}/storage/{storage}';

export const storageRoutes: Route[] = [
  {
    method: 'GET',
    path: '/storage',
    params: { type: 'string?' },
    run: ({ site }) =>
      site.world.inventory.storages.map(({ name, type, content, shared, hosts }) => ({
        storage: name,
        type,
        content: content.join(','),
        shared: shared ? 1 : 0,
        ...(hosts ? { nodes: hosts.join(',') } : {}),
      })),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage',
    params: { storage: 'string?', content: 'string?', target: 'string?', enabled: 'flag?', format: 'flag?' },
    run: ({ site, vars, params }) => {
      const wanted = splitList(params.text('content'));
      return site.volumes
        .on(vars.node!)
        .filter(({ name }) => [undefined, name].includes(params.optional('storage')))
        .filter(({ content }) => wanted.length === 0 || content.some((type) => wanted.includes(type)))
        .map(({ name }) => ({ storage: name, ...storageStatus(site, name, vars.node!) }));
    },
  },
  {
    method: 'GET',
    path: `${AT}/status`,
    params: {},
    run: ({ site, vars }) => storageStatus(site, vars.storage!, vars.node!),
  },
  {
    method: 'GET',
    path: `${AT}/content`,
    params: { content: 'string?', vmid: 'integer?' },
    run: ({ site, vars, params }) =>
      site.volumes
        .list(vars.storage!, vars.node!)
        .filter(({ type }) => [undefined, type].includes(params.optional('content') as ContentType | undefined))
        .filter(({ owner }) => [undefined, owner].includes(params.number('vmid')))
        .map(volumeRow),
  },
  {
    method: 'GET',
    path: `${AT}/content/{volume*}`,
    params: {},
    run: (call) => {
      const { format, bytes, type, name } = call.site.volumes.get(volidOf(call), call.vars.node!);
      const path = type === 'images' ? `/dev/${call.vars.storage}/${name}` : `/var/lib/vz/${name}`;
      return { path, size: bytes, used: bytes, format };
    },
  },
  {
    method: 'DELETE',
    path: `${AT}/content/{volume*}`,
    params: { delay: 'integer?' },
    run: deleteVolume,
  },
  {
    method: 'POST',
    path: `${AT}/download-url`,
    params: {
      url: 'string',
      content: 'string',
      filename: 'string',
      checksum: 'string?',
      'checksum-algorithm': 'string?',
      compression: 'string?',
      'verify-certificates': 'flag?',
    },
    run: ({ site, vars, params, user }) => {
      const [url, content, filename] = [params.text('url'), params.text('content'), params.text('filename')];
      return downloadUrl(site, { storage: vars.storage!, host: vars.node!, url, content, filename }, user);
    },
  },
];

/** The volume may be named in full or without its storage. */
function volidOf({ vars }: Call): string {
  const volume = vars.volume!;
  if (!volume.includes(':')) return `${vars.storage}:${volume}`;
  const [storage] = volume.split(':');
  if (storage !== vars.storage) throw refusal(`storage ID mismatch (${storage} != ${vars.storage})`);
  return volume;
}

/**
 * A file that is gone already is removed with success, an image that is gone fails: both as on the real one. So is
 * this: block storage refuses to remove what a running VM has open, a directory doesn't.
 */
function deleteVolume(call: Call): string {
  const { site, vars, user } = call;
  const volid = volidOf(call);
  const storage = site.volumes.enabled(vars.storage!, vars.node!);
  const owner = site.volumes.find(volid, vars.node!)?.owner;
  const id = `${owner === undefined ? '' : `${owner}@`}${storage.name}`;
  return site.tasks.fork({ node: vars.node!, type: 'imgdel', id, user }, (task) => {
    const volume = site.volumes.find(volid, vars.node!);
    if (volume && storage.type !== 'dir' && site.holderOf(volume)) throw refusal(busyText(storage.type, volume.name));
    if (volume) site.volumes.free(volume);
    else if (storage.type === 'dir') task.log(`disk image '${volid}' does not exist`);
    else site.volumes.get(volid, vars.node!);
    task.log(`Removed volume '${volid}'`);
  });
}

function busyText(type: 'rbd' | 'lvmthin', name: string): string {
  if (type === 'rbd') return `rbd rm '${name}' error: rbd: error: image still has watchers`;
  return `lvremove 'pve/${name}' error:   Logical volume pve/${name} in use.`;
}
