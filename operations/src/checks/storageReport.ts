import type { Kubernetes } from '../clients/kubernetes.js';
import type { KubeObject } from '../clients/kubernetesObjects.js';
import type { Linstor } from '../clients/linstor.js';
import { readView, wantedPlaces, type LinstorView } from './linstorPlacement.js';
import { isDiskful, isUpToDate, sameName, syncing } from './linstorRules.js';

const DRIVER = 'linstor.csi.linbit.com';

/** What became of a cluster's replicated volumes. */
export interface StorageReport {
  /** As many UpToDate replicas as wanted: the disks were there, and LINSTOR took them up again. */
  adopted: string[];
  /** With data, and fewer or busy replicas. In words. */
  degraded: string[];
  /** Known to LINSTOR, and no replica has its data any more. */
  lost: string[];
  /** Volumes of Kubernetes that LINSTOR does not know. With the claim. */
  unknown: string[];
}

interface Volume extends KubeObject {
  spec?: {
    csi?: { driver?: string; volumeHandle?: string };
    claimRef?: { namespace?: string; name?: string };
  };
}

/** Looks at every volume of LINSTOR and at every PersistentVolume of its driver. Changes nothing. */
export async function storageReport(kubernetes: Kubernetes, linstor: Linstor): Promise<StorageReport> {
  const [view, volumes] = await Promise.all([readView(linstor), kubernetes.list<Volume>('/api/v1/persistentvolumes')]);
  const report: StorageReport = { adopted: [], degraded: [], lost: [], unknown: [] };
  for (const { name } of view.definitions) note(report, view, name);
  for (const { spec } of volumes ?? []) {
    const { driver, volumeHandle = '' } = spec?.csi ?? {};
    if (driver !== DRIVER || view.definitions.some(({ name }) => sameName(name, volumeHandle))) continue;
    const { namespace = '', name = '' } = spec?.claimRef ?? {};
    report.unknown.push(`${volumeHandle} (claim ${namespace}/${name})`);
  }
  return report;
}

function note(report: StorageReport, view: LinstorView, name: string): void {
  const replicas = view.resources.filter((resource) => sameName(resource.name, name) && isDiskful(resource));
  const good = replicas.filter(isUpToDate).length;
  const wanted = wantedPlaces(view, name) ?? replicas.length;
  const moving = replicas.flatMap(syncing);
  if (good === 0) report.lost.push(name);
  else if (good < wanted || moving.length > 0)
    report.degraded.push([`${name}: ${good} of ${wanted} replicas UpToDate`, ...moving].join(', '));
  else report.adopted.push(name);
}
