import { ProxmoxWriter } from '../clients/proxmoxWriter.js';
import { realClock } from '../runtime/clock.js';
import type { ProxmoxAccess } from './vmGuard.js';

export interface ImageFile {
  host: string;
  storage: string;
  /** Its name without the storage; made of release and schematic, so that equal names are equal images. */
  file: string;
}

/**
 * Right before an image is downloaded. A refresh while a host was offline takes its images for gone and drops them from
 * the state; they are still there, and the download would be refused. The file is removed, awaited to its end, which the
 * provider's own `overwriteUnmanaged` does not do.
 */
export async function removeStaleImage(access: ProxmoxAccess, image: ImageFile): Promise<void> {
  const api = new ProxmoxWriter(access.endpoint, access.token, realClock);
  const content = `/nodes/${image.host}/storage/${image.storage}/content`;
  const files = await api.call<{ volid: string }[]>('GET', `${content}?content=import`);
  const volid = `${image.storage}:import/${image.file}`;
  if (!files.some((file) => file.volid === volid)) return;
  await api.task(image.host, 'DELETE', `${content}/${encodeURIComponent(volid)}`);
}
