import { badParameters, refusal } from './errors.js';
import type { ImageSource, Site } from './site.js';

export interface DownloadOrder {
  storage: string;
  host: string;
  url: string;
  content: string;
  filename: string;
}

const EXTENSIONS: Record<string, RegExp> = {
  import: /^[\w.\-+=]+\.(raw|qcow2|vmdk|ova)$/,
  iso: /\.(iso|img)$/i,
  vztmpl: /\.tar\.(gz|xz|zst|bz2)$/i,
};

export function imageFilename(url: string): string {
  return /^[^?]+\/([^?/]*)(?:\?.*)?$/.exec(url)?.[1] ?? '';
}

/** What a HEAD request to the URL says. @throws PveError when nobody answers there. */
export function serverAnswer(site: Site, url: string): ImageSource {
  const image = site.resolveImage(url);
  if (!image)
    throw refusal(`invalid server response: '500 Can't connect to ${hostOf(url)} (Name or service not known)'`);
  return image;
}

/** Fetches a file to a storage; whether the URL can be had shows in the task only. */
export function downloadUrl(site: Site, order: DownloadOrder, user: string): string {
  const { storage, host, content, url, filename } = order;
  const { type, content: allowed } = site.volumes.enabled(storage, host);
  if (type !== 'dir') throw refusal(`can't upload to storage type '${type}', not a file based storage!`);
  const extension = EXTENSIONS[content];
  if (!extension || !allowed.some((known) => known === content)) {
    throw refusal(`storage '${storage}' is not configured for content-type '${content}'`);
  }
  if (!/^https?:\/\/./.test(url)) throw badParameters({ url: 'value does not match the regex pattern' });
  if (!extension.test(filename)) throw badParameters({ filename: 'invalid filename or wrong extension' });
  return site.tasks.fork({ node: host, type: 'download', id: filename, user }, async (task) => {
    const name = `${content}/${filename}`;
    const path = `/var/lib/vz/${name}`;
    task.log(`downloading ${url} to ${path}`);
    if (site.volumes.find(`${storage}:${name}`, host)) throw refusal(`refusing to override existing file '${path}'`);
    await site.world.clock.delay(site.world.durations.download, task.signal);
    const image = site.resolveImage(url);
    if (!image) {
      task.log(`wget: unable to resolve host address '${hostOf(url)}'`);
      throw refusal(`download failed: command '/usr/bin/wget --progress=dot:giga -O ${path}.tmp' failed: exit code 4`);
    }
    const { schematic, version, size } = image;
    site.volumes.store(storage, host, {
      name,
      type: content as 'import' | 'iso' | 'vztmpl',
      format: /\.(\w+)$/.exec(filename)![1]!.toLowerCase(),
      bytes: size,
      content: { image: { schematic, version }, state: {} },
    });
    task.log(`download of '${url}' to '${path}' finished`);
  });
}

function hostOf(url: string): string {
  return /^https?:\/\/([^/]*)/.exec(url)?.[1] ?? url;
}
