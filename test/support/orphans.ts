import { templateName } from '../../config/plan';
import { noEvidence, type Evidence } from '../../driver/orphans/evidence';
import type { Guest } from '../../driver/orphans/guests';
import type { Own } from '../../driver/orphans/own';
import type { Image, StoredFile } from '../../driver/orphans/volumes';

/** Cluster `lab` of w1 and w2 (8001, 8002) on thor, Talos v1.11.3, with a template of 9000 or 9002. */
export const OWN: Own = {
  cluster: 'lab',
  nodes: new Set(['w1', 'w2']),
  planned: new Set([8001, 8002]),
  inState: new Set(),
  nodesInState: new Set(),
  filesInState: new Set(),
  releases: new Set(['v1.11.3']),
  templates: new Map([
    [9000, (talos) => templateName(talos, 'standard', 'thor')],
    [9002, (talos) => templateName(talos, 'standard', 'odin')],
  ]),
  imageStorage: 'local',
  mappings: new Set(['thor-gpu']),
  uuidOf: (node) => `uuid-of-${node}`,
};

/** Nothing but what is given. */
export function evidence(more: Partial<Evidence> = {}): Evidence {
  return { ...noEvidence(), ...more };
}

export function image(vmId: number, more: Partial<Image> = {}): Image {
  return { volid: `ceph:vm-${vmId}-disk-0`, vmId, storage: 'ceph', host: 'thor', shared: true, size: 1, ...more };
}

export function file(volid: string, content: StoredFile['content']): StoredFile {
  return { volid, content, storage: 'local', host: 'thor', shared: false, size: 1 };
}

export function guest(vmId: number, more: Partial<Guest> = {}): Guest {
  const name = `vm-${vmId}`;
  return {
    vmId,
    host: 'thor',
    name,
    template: false,
    uuid: '',
    description: '',
    tags: [],
    protected: false,
    pci: [],
    ...more,
  };
}
