import { INGRESS } from '../names.js';
import { deployment, namespace, type Manifest } from './manifest.js';

interface CustomKind {
  group: string;
  version: string;
  kind: string;
  plural: string;
}

const KUSTOMIZATION = {
  group: 'kustomize.toolkit.fluxcd.io',
  version: 'v1',
  kind: 'Kustomization',
  plural: 'kustomizations',
};
const HELM_RELEASE = { group: 'helm.toolkit.fluxcd.io', version: 'v2', kind: 'HelmRelease', plural: 'helmreleases' };
const GIT_REPOSITORY = {
  group: 'source.toolkit.fluxcd.io',
  version: 'v1',
  kind: 'GitRepository',
  plural: 'gitrepositories',
};
const CEPH_CLUSTER = { group: 'ceph.rook.io', version: 'v1', kind: 'CephCluster', plural: 'cephclusters' };
const REPLICATION_SOURCE = {
  group: 'volsync.backube',
  version: 'v1alpha1',
  kind: 'ReplicationSource',
  plural: 'replicationsources',
};
const REPLICATION_DESTINATION = {
  group: 'volsync.backube',
  version: 'v1alpha1',
  kind: 'ReplicationDestination',
  plural: 'replicationdestinations',
};

const VOLUME_SNAPSHOT = {
  group: 'snapshot.storage.k8s.io',
  version: 'v1',
  kind: 'VolumeSnapshot',
  plural: 'volumesnapshots',
};
const NETWORK_ATTACHMENT = {
  group: 'k8s.cni.cncf.io',
  version: 'v1',
  kind: 'NetworkAttachmentDefinition',
  plural: 'network-attachment-definitions',
};

export const CUSTOM_KINDS: readonly CustomKind[] = [
  KUSTOMIZATION,
  HELM_RELEASE,
  GIT_REPOSITORY,
  CEPH_CLUSTER,
  REPLICATION_SOURCE,
  REPLICATION_DESTINATION,
  VOLUME_SNAPSHOT,
  NETWORK_ATTACHMENT,
];

/** The CRDs: group, version and kind are the real ones, the schema takes everything. */
export function customResourceDefinitions(): Manifest[] {
  return CUSTOM_KINDS.map(({ group, version, kind, plural }) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // The API server wants to know whether a group under Kubernetes' own name was agreed upon.
      ...(group.endsWith('.k8s.io') && { annotations: { 'api-approved.kubernetes.io': 'unapproved, for the lab' } }),
    },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }));
}

/** The operators that own the custom objects, as pods. */
export function operatorWorkloads(): Manifest[] {
  const flux = ['kustomize-controller', 'helm-controller', 'source-controller'].map((name) =>
    deployment({ name, namespace: 'flux-system', image: `ghcr.io/fluxcd/${name}:v1.7.1` }),
  );
  return [
    ...['flux-system', 'rook-ceph', 'volsync-system', INGRESS.controller.namespace].map(namespace),
    ...flux,
    deployment({ ...INGRESS.controller, image: 'registry.k8s.io/ingress-nginx/controller:v1.14.0' }),
    deployment({ name: 'rook-ceph-operator', namespace: 'rook-ceph', image: 'docker.io/rook/ceph:v1.18.6' }),
    deployment({ name: 'volsync', namespace: 'volsync-system', image: 'quay.io/backube/volsync:0.14.0' }),
  ];
}

/** An object of a custom kind with the status that its operator would have written. */
export interface CustomObject {
  object: Manifest;
  status: Record<string, unknown>;
}

export function customObjects(now: Date): CustomObject[] {
  const at = now.toISOString();
  return [
    ...flux(at),
    {
      object: custom(CEPH_CLUSTER, 'rook-ceph', 'rook-ceph', {
        external: { enable: true },
        cephVersion: { image: 'quay.io/ceph/ceph:v19.2.3' },
      }),
      status: {
        phase: 'Connected',
        state: 'Connected',
        message: 'Cluster connected successfully',
        ceph: {
          health: 'HEALTH_OK',
          lastChecked: at,
          previousHealth: 'HEALTH_OK',
          fsid: '6c1f3b52-6c34-4a7e-9a37-0d2a5d6f4b11',
        },
        conditions: [condition('Connected', 'ClusterConnected', 'Cluster connected successfully', at)],
      },
    },
    ...volSync(at),
    {
      object: custom(VOLUME_SNAPSHOT, 'db', 'data', { source: { persistentVolumeClaimName: 'data-db-0' } }),
      status: {
        readyToUse: true,
        creationTime: at,
        restoreSize: '10Gi',
        boundVolumeSnapshotContentName: 'snapcontent-db',
      },
    },
  ];
}

/** Objects of a custom kind without a status. */
export function attachments(): Manifest[] {
  const config = JSON.stringify({ cniVersion: '1.0.0', type: 'macvlan', master: 'eth1', mode: 'bridge' });
  return [custom(NETWORK_ATTACHMENT, 'iot', 'default', { config })];
}

function flux(at: string): CustomObject[] {
  const revision = 'main@sha1:4f7a1c0d9be3d1a5f0c4a7e2b6c8d9e0f1a2b3c4';
  const source = { kind: 'GitRepository', name: 'cluster' };
  const ready = (reason: string, message: string): object[] => [condition('Ready', reason, message, at)];
  const kustomizations = ['cluster', 'infrastructure', 'apps'].map((name) => ({
    object: custom(KUSTOMIZATION, name, 'flux-system', {
      interval: '10m',
      path: `./${name}`,
      prune: true,
      sourceRef: source,
    }),
    status: {
      conditions: ready('ReconciliationSucceeded', `Applied revision: ${revision}`),
      lastAppliedRevision: revision,
      lastAttemptedRevision: revision,
    },
  }));
  const releases = ['cilium', 'piraeus-operator', 'kube-prometheus-stack'].map((name) => ({
    object: custom(HELM_RELEASE, name, 'flux-system', { interval: '30m', chartRef: { kind: 'OCIRepository', name } }),
    status: { conditions: ready('UpgradeSucceeded', `Helm upgrade succeeded for release flux-system/${name}.v1`) },
  }));
  const repository = {
    object: custom(GIT_REPOSITORY, 'cluster', 'flux-system', {
      interval: '1m',
      url: 'https://git.example.net/cluster',
    }),
    status: {
      conditions: ready('Succeeded', `stored artifact for revision '${revision}'`),
      artifact: { revision, lastUpdateTime: at },
    },
  };
  return [repository, ...kustomizations, ...releases];
}

function volSync(at: string): CustomObject[] {
  const status = {
    lastSyncTime: at,
    lastSyncDuration: '41.2s',
    latestMoverStatus: { result: 'Successful' },
    conditions: [
      {
        ...condition('Synchronizing', 'WaitingForSchedule', 'Waiting for next scheduled synchronization', at),
        status: 'False',
      },
    ],
  };
  return [
    {
      object: custom(REPLICATION_SOURCE, 'db', 'data', {
        sourcePVC: 'data-db-0',
        trigger: { schedule: '0 * * * *' },
        restic: { repository: 'db-restic', copyMethod: 'Snapshot' },
      }),
      status: { ...status, nextSyncTime: at },
    },
    {
      object: custom(REPLICATION_DESTINATION, 'db-restore', 'data', {
        trigger: { manual: 'restore-once' },
        restic: { repository: 'db-restic', copyMethod: 'Snapshot', capacity: '10Gi', accessModes: ['ReadWriteOnce'] },
      }),
      status: { ...status, lastManualSync: 'restore-once' },
    },
  ];
}

function custom({ group, version, kind }: CustomKind, name: string, namespaceName: string, spec: object): Manifest {
  return { apiVersion: `${group}/${version}`, kind, metadata: { name, namespace: namespaceName }, spec };
}

function condition(type: string, reason: string, message: string, at: string): Record<string, unknown> {
  return { type, status: 'True', reason, message, lastTransitionTime: at };
}
