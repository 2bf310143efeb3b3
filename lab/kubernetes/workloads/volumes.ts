import { createHash } from 'node:crypto';
import { CSI_DRIVER } from '../names.js';
import { spread, type Shape } from './cluster-shape.js';
import type { Manifest } from './manifest.js';

/** A replicated volume: a PersistentVolume, and the LINSTOR resource of the same name that it is made of. */
export interface WorkloadVolume {
  name: string;
  namespace: string;
  claim: string;
  bytes: number;
}

const GIB = 2 ** 30;
const STORAGE_CLASS = 'linstor-lvm-thick';

/** The volumes of all workloads. LINSTOR must have a resource for each before its pod is to run. */
export function workloadVolumes(shape: Shape): WorkloadVolume[] {
  const databases = Array.from({ length: spread(shape, 3) }, (_, index) => volume(`data-db-${index}`, 10 * GIB));
  return [...databases, volume('registry', 8 * GIB)];
}

/** The driver, its class, and a volume bound in advance for each claim. */
export function storageObjects(shape: Shape): Manifest[] {
  return [csiDriver(), storageClass(), ...workloadVolumes(shape).map(persistentVolume)];
}

/** For a StatefulSet of one claim a pod. */
export function claimTemplate(name: string): object {
  return { metadata: { name }, spec: claimSpec(10 * GIB) };
}

export function sharedClaim(name: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'data' },
    spec: claimSpec(8 * GIB),
  };
}

function volume(claim: string, bytes: number): WorkloadVolume {
  return { name: volumeName(claim), namespace: 'data', claim, bytes };
}

/** As the provisioner names them after the claim's UID; here the same in every lab, so that LINSTOR can know them. */
function volumeName(claim: string): string {
  const hex = createHash('sha256').update(`data/${claim}`).digest('hex');
  return `pvc-${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function claimSpec(bytes: number): object {
  return {
    accessModes: ['ReadWriteOnce'],
    storageClassName: STORAGE_CLASS,
    resources: { requests: { storage: `${bytes / GIB}Gi` } },
  };
}

function persistentVolume({ name, namespace, claim, bytes }: WorkloadVolume): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': CSI_DRIVER } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: `${bytes / GIB}Gi` },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claim },
      csi: { driver: CSI_DRIVER, fsType: 'ext4', volumeHandle: name },
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: STORAGE_CLASS,
      volumeMode: 'Filesystem',
    },
  };
}

function csiDriver(): Manifest {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: CSI_DRIVER },
    spec: { attachRequired: true, podInfoOnMount: true, fsGroupPolicy: 'ReadWriteOnceWithFSType' },
  };
}

function storageClass(): Manifest {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: STORAGE_CLASS },
    provisioner: CSI_DRIVER,
    parameters: {
      'linstor.csi.linbit.com/storagePool': 'lvm-thick',
      'linstor.csi.linbit.com/placementCount': '2',
    },
    allowVolumeExpansion: true,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
  };
}
