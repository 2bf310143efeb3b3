import { fullName, holds, type Conditioned, type Pod } from '../clients/kubernetesObjects.js';
import { isJudged, skipped, verdict, type Check, type CheckContext } from './check.js';
import { faults, nodeFaults } from './linstorRules.js';

const CEPH_CLUSTERS = '/apis/ceph.rook.io/v1/cephclusters';
/** CSI drivers are found by what their pods are called, as no label is common to them. */
const CSI_POD = /(^|-)csi(-|$)/;

export const storageCheck: Check = {
  id: 'storage',
  describe: 'LINSTOR has nothing faulty and all satellites online, Ceph is HEALTH_OK, CSI pods are Ready',
  how: 'LINSTOR: /v1/view/resources and /v1/nodes; Kubernetes: CephClusters and CSI pods',
  run: async (ctx) => {
    const parts = await Promise.all([linstorPart(ctx), cephPart(ctx), csiPart(ctx)]);
    const present = parts.filter((part) => part !== undefined);
    if (present.length === 0) return skipped('no LINSTOR, no Ceph and no CSI driver');
    const good = present.map(({ name }) => name).join(', ');
    return verdict(
      present.flatMap(({ problems }) => problems),
      'healthy storage',
      good,
    );
  },
};

export const cephCheck: Check = {
  id: 'ceph',
  describe: 'Ceph is HEALTH_OK',
  how: 'Kubernetes: CephClusters',
  run: async (ctx) => {
    const ceph = await cephPart(ctx);
    return ceph ? verdict(ceph.problems, 'HEALTH_OK', ceph.name) : skipped('no Ceph');
  },
};

interface Part {
  name: string;
  problems: string[];
}

async function linstorPart({ session, excused = [] }: CheckContext): Promise<Part | undefined> {
  if (!session.linstor) return undefined;
  const [resources, nodes] = await Promise.all([session.linstor.resources(), session.linstor.nodes()]);
  return { name: `LINSTOR (${nodes.length} nodes)`, problems: [...faults(resources), ...nodeFaults(nodes, excused)] };
}

async function cephPart({ session }: CheckContext): Promise<Part | undefined> {
  const clusters = await session.kubernetes.list<Conditioned>(CEPH_CLUSTERS);
  if (!clusters || clusters.length === 0) return undefined;
  const problems = clusters.flatMap((cluster) => {
    const health = cluster.status?.ceph?.health ?? 'no health reported';
    const details = Object.entries(cluster.status?.ceph?.details ?? {}).map(([code, { message }]) =>
      `${code} ${message ?? ''}`.trim(),
    );
    return health === 'HEALTH_OK' ? [] : [`Ceph ${fullName(cluster)}: ${[health, ...details].join(', ')}`];
  });
  return { name: 'Ceph', problems };
}

async function csiPart(ctx: CheckContext): Promise<Part | undefined> {
  const pods = ((await ctx.session.kubernetes.list<Pod>('/api/v1/pods')) ?? []).filter(
    ({ metadata, spec, status }) =>
      CSI_POD.test(metadata.name) &&
      metadata.deletionTimestamp === undefined &&
      status?.phase !== 'Succeeded' &&
      isJudged(ctx, spec?.nodeName),
  );
  if (pods.length === 0) return undefined;
  const problems = pods.filter((pod) => !holds(pod, 'Ready')).map((pod) => `CSI pod ${fullName(pod)} is not Ready`);
  return { name: `${pods.length} CSI pods`, problems };
}
