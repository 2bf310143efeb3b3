import type { KubeObject } from './client.js';

/** Fields that Kubernetes lets nobody change in place, by group/version and kind; [*] stands for every element. */

const SELECTOR = ['spec.selector'];

const CONTAINER_FIELDS = [
  'args',
  'command',
  'env',
  'image',
  'imagePullPolicy',
  'lifecycle',
  'livenessProbe',
  'ports',
  'readinessProbe',
  'resources',
  'securityContext',
  'stdin',
  'stdinOnce',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'tty',
  'volumeDevices',
  'volumeMounts',
  'workingDir',
];

const POD_FIELDS = [
  'affinity',
  'automountServiceAccountToken',
  'dnsConfig',
  'dnsPolicy',
  'enableServiceLinks',
  'hostAliases',
  'hostIPC',
  'hostNetwork',
  'hostPID',
  'hostname',
  'imagePullSecrets',
  'nodeName',
  'nodeSelector',
  'overhead',
  'preemptionPolicy',
  'priority',
  'priorityClassName',
  'readinessGates',
  'restartPolicy',
  'runtimeClassName',
  'schedulerName',
  'securityContext',
  'serviceAccount',
  'serviceAccountName',
  'shareProcessNamespace',
  'subdomain',
  'terminationGracePeriodSeconds',
  'volumes',
];

const VOLUME_SOURCES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'csi',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'hostPath',
  'iscsi',
  'local',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];

const FIELDS: Record<string, string[]> = {
  'apps/v1 DaemonSet': SELECTOR,
  'apps/v1 Deployment': SELECTOR,
  'apps/v1 StatefulSet': [
    ...SELECTOR,
    'spec.podManagementPolicy',
    'spec.revisionHistoryLimit',
    'spec.serviceName',
    'spec.volumeClaimTemplates',
  ],
  'batch/v1 Job': [...SELECTOR, 'spec.completions', 'spec.parallelism', 'spec.template'],
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': ['roleRef'],
  'rbac.authorization.k8s.io/v1 RoleBinding': ['roleRef'],
  'storage.k8s.io/v1 StorageClass': ['parameters', 'provisioner'],
  'v1 PersistentVolume': VOLUME_SOURCES.map((name) => `spec.${name}`),
  'v1 PersistentVolumeClaim': [...SELECTOR, 'spec.accessModes', 'spec.storageClassName', 'spec.volumeName'],
  'v1 Pod': [
    ...POD_FIELDS.map((name) => `spec.${name}`),
    ...CONTAINER_FIELDS.flatMap((name) => [`spec.containers[*].${name}`, `spec.initContainers[*].${name}`]),
  ],
  'v1 ResourceQuota': ['spec.scopes'],
  'v1 Service': ['spec.clusterIP'],
};

export interface Mutability {
  secrets: boolean;
  configMaps: boolean;
}

/** The fields of an object whose change replaces it. */
export function forceNewFields(object: KubeObject, mutable: Mutability): string[] {
  const fields = ['metadata.name', 'metadata.namespace'];
  const isV1 = object.apiVersion === 'v1';
  const immutable = object['immutable'] === true;
  if (isV1 && object.kind === 'Secret') {
    return [...fields, 'type', ...(!mutable.secrets || immutable ? ['stringData', 'data'] : [])];
  }
  if (isV1 && object.kind === 'ConfigMap' && (!mutable.configMaps || immutable)) {
    return [...fields, 'binaryData', 'data'];
  }
  return [...fields, ...(FIELDS[`${object.apiVersion} ${object.kind}`] ?? [])];
}
