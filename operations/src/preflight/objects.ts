import type { KubeObject, Node, Pod } from '../clients/kubernetesObjects.js';

/** What the scheduler reads of Kubernetes objects, as JSON on the wire has it. */

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: Requirement[];
}

export interface Requirement {
  key: string;
  operator: string;
  values?: string[];
}

export interface NodeSelectorTerm {
  matchExpressions?: Requirement[];
  matchFields?: Requirement[];
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export interface PodAffinityTerm {
  topologyKey: string;
  labelSelector?: LabelSelector;
  namespaces?: string[];
  namespaceSelector?: LabelSelector;
}

export interface SpreadConstraint {
  topologyKey: string;
  whenUnsatisfiable: string;
  maxSkew: number;
  minDomains?: number;
  labelSelector?: LabelSelector;
  matchLabelKeys?: string[];
  nodeAffinityPolicy?: string;
  nodeTaintsPolicy?: string;
}

export interface Container {
  name: string;
  image?: string;
  command?: string[];
  args?: string[];
  restartPolicy?: string;
  resources?: { requests?: Record<string, string> };
  ports?: { hostPort?: number; hostIP?: string; protocol?: string }[];
}

export interface PodVolume {
  name: string;
  emptyDir?: unknown;
  persistentVolumeClaim?: { claimName: string };
  ephemeral?: { volumeClaimTemplate?: { spec?: ClaimSpec } };
}

export interface SchedulablePod extends Pod {
  spec?: {
    nodeName?: string;
    schedulerName?: string;
    nodeSelector?: Record<string, string>;
    affinity?: {
      nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: NodeSelectorTerm[] } };
      podAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[] };
      podAntiAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[] };
    };
    tolerations?: Toleration[];
    topologySpreadConstraints?: SpreadConstraint[];
    containers?: Container[];
    initContainers?: Container[];
    overhead?: Record<string, string>;
    resources?: { requests?: Record<string, string> };
    resourceClaims?: unknown[];
    priority?: number;
    volumes?: PodVolume[];
  };
}

export interface SchedulableNode extends Node {
  spec?: { unschedulable?: boolean; taints?: Taint[] };
}

export interface ClaimSpec {
  volumeName?: string;
  storageClassName?: string;
  accessModes?: string[];
}

export interface Claim extends KubeObject {
  spec?: ClaimSpec;
}

export interface Volume extends KubeObject {
  spec?: {
    nodeAffinity?: { required?: { nodeSelectorTerms: NodeSelectorTerm[] } };
    csi?: { driver: string; volumeHandle: string };
    local?: object;
    hostPath?: object;
  };
}

export interface StorageClass extends KubeObject {
  volumeBindingMode?: string;
  allowedTopologies?: { matchLabelExpressions?: { key: string; values: string[] }[] }[];
}

export interface CsiNode extends KubeObject {
  spec?: { drivers?: { name: string; allocatable?: { count?: number } }[] };
}

export interface Budget extends KubeObject {
  spec?: {
    minAvailable?: number | string;
    maxUnavailable?: number | string;
    selector?: LabelSelector;
    unhealthyPodEvictionPolicy?: string;
  };
  status?: {
    disruptionsAllowed?: number;
    currentHealthy?: number;
    desiredHealthy?: number;
    expectedPods?: number;
    observedGeneration?: number;
  };
}
