import type { ProxmoxStorage } from '../world/inventory.js';
import type { DiskContent, World } from '../world/world.js';
import { refusal } from './errors.js';

export type ContentType = ProxmoxStorage['content'][number];

/** A disk image or a file on a storage. */
export interface Volume {
  /** storage:name, as configurations name it. */
  volid: string;
  storage: string;
  /** Where it is, on a storage that isn't shared. */
  host?: string;
  /** What follows the colon: vm-101-disk-0, import/talos.raw, 101/vm-101-disk-0.raw. */
  name: string;
  type: ContentType;
  format: string;
  bytes: number;
  /** The VM id in its name. */
  owner?: number;
  /** The base image a linked clone stands on. */
  parent?: string;
  /** Seconds since the epoch. */
  created: number;
  content: DiskContent;
}

export interface Allocation {
  storage: string;
  host: string;
  vmid: number;
  bytes: number;
  content?: DiskContent;
  /** A name of its own (cloud-init drives); the next free `vm-<id>-disk-n` otherwise. */
  suffix?: 'cloudinit';
}

const LVM_EXTENT = 4 * 2 ** 20;
const IMAGE_NAME = /(?:^|\/)(vm|base)-(\d+)-(disk-\d+|cloudinit)(?:\.\w+)?$/;

/** All storages with what is on them: shared ones once, local ones once a host. */
export class Volumes {
  private readonly volumes = new Map<string, Volume>();

  constructor(private readonly world: World) {}

  /** @throws PveError when no storage has that name. */
  storage(name: string): ProxmoxStorage {
    const storage = this.world.inventory.storages.find((candidate) => candidate.name === name);
    if (!storage) throw refusal(`storage '${name}' does not exist`);
    return storage;
  }

  /** The storages a host has. */
  on(host: string): ProxmoxStorage[] {
    return this.world.inventory.storages.filter(({ hosts }) => hosts === undefined || hosts.includes(host));
  }

  /** @throws PveError when the storage doesn't exist or isn't there on that host. */
  enabled(name: string, host: string): ProxmoxStorage {
    const storage = this.storage(name);
    if (!this.on(host).includes(storage)) throw refusal(`storage '${name}' is not available on node '${host}'`);
    return storage;
  }

  /** Makes a disk image. @throws PveError when the storage can't hold it or its name is taken. */
  allocate(order: Allocation): Volume {
    const storage = this.enabled(order.storage, order.host);
    if (!storage.content.includes('images')) {
      throw refusal(`storage '${storage.name}' does not support content-type 'images'`);
    }
    const label = order.suffix ? `vm-${order.vmid}-${order.suffix}` : this.freeName(order);
    const format = storage.type === 'dir' && order.suffix ? 'qcow2' : 'raw';
    const name = imagePath(storage, order.vmid, label, format);
    if (this.find(`${storage.name}:${name}`, order.host)) throw refusal(takenText(storage, order.vmid, label));
    return this.add(storage, order.host, {
      name,
      type: 'images',
      format,
      bytes: storage.type === 'lvmthin' ? Math.ceil(order.bytes / LVM_EXTENT) * LVM_EXTENT : order.bytes,
      owner: order.vmid,
      content: order.content ?? { state: {} },
    });
  }

  /** Puts a file there, replacing one of the same name. */
  store(
    storageName: string,
    host: string,
    file: Pick<Volume, 'name' | 'type' | 'format' | 'bytes' | 'content'>,
  ): Volume {
    return this.add(this.enabled(storageName, host), host, file);
  }

  find(volid: string, host: string): Volume | undefined {
    const storage = this.world.inventory.storages.find(({ name }) => name === volid.split(':')[0]);
    return storage && this.volumes.get(place(storage, host, volid));
  }

  /** @throws PveError in the words of the storage when the volume isn't there. */
  get(volid: string, host: string): Volume {
    const volume = this.find(volid, host);
    if (!volume) throw refusal(missingText(this.enabled(volid.split(':')[0]!, host), volid));
    return volume;
  }

  /** Removes it. @throws PveError while linked clones stand on it. */
  free(volume: Volume): void {
    if (this.isUsed(volume)) throw refusal(`base volume '${volume.volid}' is still in use by linked clones`);
    this.volumes.delete(place(this.storage(volume.storage), volume.host ?? '', volume.volid));
  }

  isUsed(volume: Volume): boolean {
    return [...this.volumes.values()].some((other) => other.parent === volume.volid && other.host === volume.host);
  }

  /** Turns `vm-<id>-disk-n` into the unchangeable `base-<id>-disk-n`. */
  toBase(volume: Volume): Volume {
    const storage = this.storage(volume.storage);
    const name = volume.name.replace(/(^|\/)vm-/, '$1base-');
    this.volumes.delete(place(storage, volume.host ?? '', volume.volid));
    return this.add(storage, volume.host ?? '', { ...volume, name });
  }

  /** A linked clone of a base image. @throws PveError when the volume isn't a base image. */
  link(base: Volume, host: string, vmid: number): Volume {
    if (!/(^|\/)base-/.test(base.name)) throw refusal(`clone_image only works on base images`);
    const storage = this.enabled(base.storage, host);
    const label = this.freeName({ storage: base.storage, host, vmid, bytes: base.bytes });
    const own = imagePath(storage, vmid, label, base.format);
    return this.add(storage, host, {
      name: storage.type === 'lvmthin' ? own : `${base.name}/${own}`,
      type: 'images',
      format: base.format,
      bytes: base.bytes,
      owner: vmid,
      parent: base.volid,
      content: structuredClone(base.content),
    });
  }

  /** What is on a storage, as a host sees it. */
  list(storageName: string, host: string): Volume[] {
    const storage = this.enabled(storageName, host);
    return [...this.volumes.values()]
      .filter((volume) => volume.storage === storageName && (storage.shared || volume.host === host))
      .sort((a, b) => (a.volid < b.volid ? -1 : 1));
  }

  /** Every image with the VM's id in its name that a host can see, referenced or not. */
  ownedBy(vmid: number, host: string): Volume[] {
    return this.on(host)
      .flatMap(({ name }) => this.list(name, host))
      .filter(({ owner }) => owner === vmid);
  }

  /** Bytes in use. */
  used(storageName: string, host: string): number {
    return this.list(storageName, host).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  private add(
    storage: ProxmoxStorage,
    host: string,
    fields: Omit<Volume, 'volid' | 'storage' | 'host' | 'created'>,
  ): Volume {
    const volume: Volume = {
      ...fields,
      volid: `${storage.name}:${fields.name}`,
      storage: storage.name,
      created: Math.floor(this.world.clock.now() / 1000),
      ...(storage.shared ? {} : { host }),
    };
    this.volumes.set(place(storage, host, volume.volid), volume);
    return volume;
  }

  /** Numbers are counted per storage over images and base images alike, orphans included. */
  private freeName(order: Allocation): string {
    const taken = new Set(this.list(order.storage, order.host).map(({ name, owner }) => ownNumber(name, owner, order)));
    let number = 0;
    while (taken.has(`disk-${number}`)) number += 1;
    return `vm-${order.vmid}-disk-${number}`;
  }
}

function ownNumber(name: string, owner: number | undefined, { vmid }: Allocation): string | undefined {
  return owner === vmid ? IMAGE_NAME.exec(name)?.[3] : undefined;
}

function place(storage: ProxmoxStorage, host: string, volid: string): string {
  return `${storage.shared ? '' : host}/${volid}`;
}

function imagePath(storage: ProxmoxStorage, vmid: number, label: string, format: string): string {
  return storage.type === 'dir' ? `${vmid}/${label}.${format}` : label;
}

function takenText(storage: ProxmoxStorage, vmid: number, label: string): string {
  switch (storage.type) {
    case 'rbd':
      return `rbd create '${label}' error: rbd: create error: (17) File exists`;
    case 'lvmthin':
      return `lvcreate 'pve/${label}' error:   Logical Volume "${label}" already exists in volume group "pve"`;
    case 'dir':
      return `disk image '/var/lib/vz/images/${vmid}/${label}.qcow2' already exists`;
  }
}

function missingText(storage: ProxmoxStorage, volid: string): string {
  const name = volid.slice(volid.indexOf(':') + 1);
  switch (storage.type) {
    case 'rbd':
      return `rbd error: rbd: error opening image ${name}: (2) No such file or directory`;
    case 'lvmthin':
      return `no such logical volume pve/${name}`;
    case 'dir':
      return `volume_size_info on '${volid}' failed - no format`;
  }
}
