import type { Kubernetes } from '../clients/kubernetes.js';
import type { KubeObject } from '../clients/kubernetesObjects.js';
import type { Linstor } from '../clients/linstor.js';
import type { LinstorResource } from '../clients/linstorTypes.js';
import { readView, wantedPlaces, type LinstorView } from './linstorPlacement.js';
import { isDiskful, isUpToDate, nodeFaults, sameName, syncing } from './linstorRules.js';

const DRIVER = 'linstor.csi.linbit.com';

/** Nodes whose disks were made anew: a replica that was placed on them before has nothing of its data left. */
export interface NewDisks {
  nodes: string[];
  /** Milliseconds since the epoch; what was placed later is new itself. */
  since: number;
}

/** What became of a cluster's replicated volumes. Each in words, with the claim of Kubernetes. */
export interface StorageReport {
  /** As many UpToDate replicas as wanted: the disks were there, and LINSTOR took them up again. Names alone. */
  adopted: string[];
  /** With data, and fewer or busy replicas. */
  degraded: string[];
  /** Known to LINSTOR, and no replica has its data any more. */
  lost: string[];
  /** Volumes of Kubernetes that LINSTOR does not know. */
  unknown: string[];
  /** Satellites that are not to be relied on: offline, or still flagged by what was under way when the database was saved. */
  nodes: string[];
}

interface Volume extends KubeObject {
  spec?: {
    csi?: { driver?: string; volumeHandle?: string };
    claimRef?: { namespace?: string; name?: string };
  };
}

/** Looks at every volume of LINSTOR and at every PersistentVolume of its driver. Changes nothing. */
export async function storageReport(
  kubernetes: Kubernetes,
  linstor: Linstor,
  newDisks: NewDisks = { nodes: [], since: 0 },
): Promise<StorageReport> {
  const [view, volumes] = await Promise.all([readView(linstor), kubernetes.list<Volume>('/api/v1/persistentvolumes')]);
  const ours = (volumes ?? []).filter(({ spec }) => spec?.csi?.driver === DRIVER);
  const claimed = (name: string): string => {
    const volume = ours.find(({ spec }) => sameName(spec?.csi?.volumeHandle ?? '', name));
    const { namespace = '', name: claim = '' } = volume?.spec?.claimRef ?? {};
    return claim === '' ? name : `${name} (claim ${namespace}/${claim})`;
  };
  const report: StorageReport = { adopted: [], degraded: [], lost: [], unknown: [], nodes: nodeFaults(view.nodes, '') };
  for (const { name } of view.definitions) note(report, view, { name, text: claimed(name), newDisks });
  for (const { spec } of ours) {
    const { volumeHandle = '' } = spec?.csi ?? {};
    if (!view.definitions.some(({ name }) => sameName(name, volumeHandle))) report.unknown.push(claimed(volumeHandle));
  }
  return report;
}

interface Subject {
  name: string;
  /** With its claim. */
  text: string;
  newDisks: NewDisks;
}

function note(report: StorageReport, view: LinstorView, { name, text, newDisks }: Subject): void {
  const replicas = view.resources.filter((resource) => sameName(resource.name, name) && isDiskful(resource));
  const empty = (replica: LinstorResource): boolean => isEmpty(replica, newDisks);
  // One that synchronised from a peer with data is UpToDate as well: what counts is whether any disk is an old one.
  const good = replicas.every(empty) ? 0 : replicas.filter(isUpToDate).length;
  const wanted = wantedPlaces(view, name) ?? replicas.length;
  const moving = replicas.flatMap(syncing);
  if (good === 0) report.lost.push([`${text}: no replica has its data`, ...replicas.map(stateOf(empty))].join(', '));
  else if (good < wanted || moving.length > 0)
    report.degraded.push([`${text}: ${good} of ${wanted} replicas UpToDate`, ...moving].join(', '));
  else report.adopted.push(name);
}

/** By the replica's and the disk's ages: DRBD says UpToDate of an empty disk, too, where nothing was to be synchronised. */
function isEmpty({ node_name: node, create_timestamp: created }: LinstorResource, { nodes, since }: NewDisks): boolean {
  return created !== undefined && created < since && nodes.some((made) => sameName(made, node));
}

function stateOf(empty: (replica: LinstorResource) => boolean): (replica: LinstorResource) => string {
  return (replica) => {
    const states = (replica.volumes ?? []).map(({ state }) => state?.disk_state ?? 'unknown');
    return `${replica.node_name} ${states.join('/') || 'unknown'}${empty(replica) ? ' on a new disk' : ''}`;
  };
}
