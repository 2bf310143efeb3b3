import { fullName, type Condition, type KubeObject } from '../clients/kubernetesObjects.js';
import { readView, wantedPlaces, type LinstorView } from '../checks/linstorPlacement.js';
import { isDiskful, isUpToDate, sameName } from '../checks/linstorRules.js';
import { skipped, verdict, type Check } from '../checks/check.js';

export const replicasCheck: Check = {
  id: 'replicas',
  describe: 'every LINSTOR volume has as many UpToDate replicas as its group wants',
  how: 'LINSTOR: /v1/view/resources against place_count of /v1/resource-groups',
  run: async ({ session }) => {
    if (!session.linstor) return skipped('no LINSTOR in this cluster');
    const view = await readView(session.linstor);
    if (view.definitions.length === 0) return skipped('LINSTOR has no volume');
    const problems = view.definitions.flatMap(({ name }) => replicaProblems(view, name));
    return verdict(problems, 'the place count of each group', `${view.definitions.length} volumes`);
  },
};

/** A volume of which nobody knows how many replicas it shall have is none that has enough. */
function replicaProblems(view: LinstorView, name: string): string[] {
  const good = view.resources.filter(
    (resource) => sameName(resource.name, name) && isDiskful(resource) && isUpToDate(resource),
  );
  const wanted = wantedPlaces(view, name);
  if (wanted === undefined) return [`${name}: its group's place count is unknown`];
  return good.length < wanted ? [`${name}: ${good.length} of ${wanted} replicas UpToDate`] : [];
}

interface Claim extends KubeObject {
  status?: { phase?: string };
}

export const claimsCheck: Check = {
  id: 'claims',
  describe: 'every PersistentVolumeClaim is Bound',
  how: 'Kubernetes: phase of every PersistentVolumeClaim',
  run: async ({ session }) => {
    const claims = (await session.kubernetes.list<Claim>('/api/v1/persistentvolumeclaims')) ?? [];
    if (claims.length === 0) return skipped('no PersistentVolumeClaim');
    const problems = claims
      .filter(({ status }) => status?.phase !== 'Bound')
      .map((claim) => `${fullName(claim)}: ${claim.status?.phase ?? 'no phase'}`);
    return verdict(problems, 'all claims Bound', `${claims.length} claims Bound`);
  },
};

interface Replication extends KubeObject {
  spec?: { paused?: boolean; trigger?: { manual?: string; schedule?: string } };
  status?: {
    lastSyncTime?: string;
    nextSyncTime?: string;
    lastManualSync?: string;
    latestMoverStatus?: { result?: string };
    conditions?: Condition[];
  };
}

/** Milliseconds for which a copy that is due may be under way. */
const OVERDUE = 60 * 60_000;

export const volsyncCheck: Check = {
  id: 'volsync',
  describe: 'every VolSync source was copied when it was due, and every destination was filled',
  how: 'Kubernetes: lastSyncTime, nextSyncTime and latestMoverStatus of ReplicationSources and -Destinations',
  run: async ({ session, clock }) => {
    const [sources, destinations] = await Promise.all([
      session.kubernetes.list<Replication>('/apis/volsync.backube/v1alpha1/replicationsources'),
      session.kubernetes.list<Replication>('/apis/volsync.backube/v1alpha1/replicationdestinations'),
    ]);
    const all = [
      ...(sources ?? []).map((object) => ({ kind: 'source', object })),
      ...(destinations ?? []).map((object) => ({ kind: 'destination', object })),
    ];
    if (all.length === 0) return skipped('no VolSync objects');
    const now = clock.now();
    const problems = all.flatMap(({ kind, object }) => {
      const wrong = replicationProblems(object, now);
      return wrong.length > 0 ? [`${kind} ${fullName(object)}: ${wrong.join(', ')}`] : [];
    });
    const ages = all.map(({ kind, object }) => `${kind} ${fullName(object)} ${ageText(object, now)}`);
    return verdict(problems, 'VolSync up to date', ages.slice(0, 5).join('; ') + more(ages.length - 5));
  },
};

function replicationProblems({ spec, status }: Replication, now: number): string[] {
  // A paused one is not run, at somebody's wish.
  if (spec?.paused === true) return [];
  const { lastSyncTime, nextSyncTime, latestMoverStatus, lastManualSync } = status ?? {};
  if (lastSyncTime === undefined) return ['never synced'];
  const result = latestMoverStatus?.result;
  const late = nextSyncTime === undefined ? 0 : now - Date.parse(nextSyncTime);
  const { manual } = spec?.trigger ?? {};
  return [
    ...(result === undefined || result === 'Successful' ? [] : [`the last run: ${result}`]),
    ...(late > OVERDUE ? [`due since ${span(late)}`] : []),
    ...(manual !== undefined && manual !== lastManualSync
      ? [`asked for '${manual}', done '${lastManualSync ?? ''}'`]
      : []),
  ];
}

function ageText({ status }: Replication, now: number): string {
  const at = status?.lastSyncTime;
  return at === undefined ? 'never synced' : `synced ${span(now - Date.parse(at))} ago`;
}

interface VolumeSnapshot extends KubeObject {
  status?: { readyToUse?: boolean; error?: { message?: string } };
}

export const volumeSnapshotsCheck: Check = {
  id: 'volume snapshots',
  describe: 'every VolumeSnapshot can be used',
  how: 'Kubernetes: readyToUse of every VolumeSnapshot',
  run: async ({ session }) => {
    const path = '/apis/snapshot.storage.k8s.io/v1/volumesnapshots';
    const snapshots = (await session.kubernetes.list<VolumeSnapshot>(path)) ?? [];
    if (snapshots.length === 0) return skipped('no VolumeSnapshot');
    const problems = snapshots
      .filter(({ status }) => status?.readyToUse !== true)
      .map((snapshot) => `${fullName(snapshot)}: ${snapshot.status?.error?.message ?? 'not ready to use'}`);
    return verdict(problems, 'all VolumeSnapshots ready to use', `${snapshots.length} ready to use`);
  },
};

function more(count: number): string {
  return count > 0 ? `; and ${count} more` : '';
}

/** 3 min, 5 h, 12 d. */
export function span(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
