/** The parts of Kubernetes objects that the steps read, as JSON on the wire has them (dates are strings). */

export interface Metadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { kind: string; name: string; controller?: boolean }[];
}

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: Metadata;
}

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean; taints?: Taint[] };
  status?: {
    conditions?: Condition[];
    capacity?: Record<string, string>;
    allocatable?: Record<string, string>;
    addresses?: { type: string; address: string }[];
    nodeInfo?: { systemUUID: string; kubeletVersion: string; bootID?: string };
  };
}

export interface ContainerStatus {
  name: string;
  ready?: boolean;
  restartCount?: number;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: object;
    terminated?: { exitCode: number; message?: string };
  };
}

export interface Pod extends KubeObject {
  spec?: {
    nodeName?: string;
    containers?: { image?: string }[];
    volumes?: { name: string; emptyDir?: unknown; persistentVolumeClaim?: { claimName: string } }[];
  };
  status?: {
    phase?: string;
    /** Why the kubelet refused or ended the whole pod. */
    reason?: string;
    message?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface VolumeAttachment extends KubeObject {
  spec: { nodeName: string; source?: { persistentVolumeName?: string } };
}

export interface VolumeClaim extends KubeObject {
  spec?: { volumeName?: string };
}

export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** Anything whose health is in its conditions: Deployments, Kustomizations, HelmReleases, CephClusters. */
export interface Conditioned extends KubeObject {
  spec?: { replicas?: number; suspend?: boolean };
  status?: {
    conditions?: Condition[];
    availableReplicas?: number;
    desiredNumberScheduled?: number;
    numberReady?: number;
    ceph?: { health?: string; details?: Record<string, { message?: string }> };
  };
}

export interface EndpointSlice extends KubeObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean }; nodeName?: string }[];
  ports?: { name?: string; protocol?: string; port?: number }[];
}

export interface Event extends KubeObject {
  reason?: string;
  message?: string;
}

/** Condition `type` has status True. */
export function holds(object: { status?: { conditions?: Condition[] } }, type: string): boolean {
  return (
    object.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false
  );
}

/** `namespace/name`, or the name of something without a namespace. */
export function fullName({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
