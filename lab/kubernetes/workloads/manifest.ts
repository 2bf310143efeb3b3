/** An object as it is applied. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

export interface Workload {
  name: string;
  namespace: string;
  image: string;
  replicas?: number;
  labels?: Record<string, string>;
  /** Fields of the pod's spec that differ from the plain ones. */
  pod?: Record<string, unknown>;
  /** Fields of the workload's spec. */
  spec?: Record<string, unknown>;
  /** Fields of the container. */
  container?: Record<string, unknown>;
}

/** Small enough that the pods of fifteen nodes fit on a few of them: what a drain must find is room, not a puzzle. */
const RESOURCES = { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } };

export const ON_CONTROL_PLANES = [
  { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
];
export const EVERYWHERE = [{ operator: 'Exists' }];

export function namespace(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function deployment(workload: Workload): Manifest {
  return {
    ...common('apps/v1', 'Deployment', workload),
    spec: { replicas: workload.replicas ?? 1, ...podTemplate(workload), ...workload.spec },
  };
}

export function daemonSet(workload: Workload): Manifest {
  return { ...common('apps/v1', 'DaemonSet', workload), spec: { ...podTemplate(workload), ...workload.spec } };
}

export function statefulSet(workload: Workload): Manifest {
  return {
    ...common('apps/v1', 'StatefulSet', workload),
    spec: {
      replicas: workload.replicas ?? 1,
      serviceName: workload.name,
      ...podTemplate(workload),
      ...workload.spec,
    },
  };
}

/** A pod that no controller makes again. */
export function barePod(workload: Workload): Manifest {
  return { ...common('v1', 'Pod', workload), spec: podSpec(workload) };
}

/** A budget for the pods of the workload of the same name. */
export function budget(name: string, namespaceName: string, allows: object, selector = selectorOf(name)): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace: namespaceName },
    spec: { ...allows, selector: { matchLabels: selector } },
  };
}

export function service(name: string, namespaceName: string, port: number): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: namespaceName },
    spec: { selector: selectorOf(name), ports: [{ port }] },
  };
}

/** Never two of a workload's pods on one node. */
export function apart(name: string): object {
  return {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selectorOf(name) } },
      ],
    },
  };
}

/** Rather not two of a workload's pods on one node. */
export function ratherApart(name: string): object[] {
  return [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: selectorOf(name) },
    },
  ];
}

function selectorOf(name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': name };
}

function common(apiVersion: string, kind: string, workload: Workload): Manifest {
  const { name, namespace: namespaceName } = workload;
  return { apiVersion, kind, metadata: { name, namespace: namespaceName, labels: labelsOf(workload) } };
}

function podTemplate(workload: Workload): object {
  return {
    selector: { matchLabels: selectorOf(workload.name) },
    template: { metadata: { labels: labelsOf(workload) }, spec: podSpec(workload) },
  };
}

function labelsOf(workload: Workload): Record<string, string> {
  return { ...selectorOf(workload.name), ...workload.labels };
}

function podSpec({ name, image, pod, container }: Workload): object {
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 30,
    containers: [{ name, image, resources: RESOURCES, ...container }],
    ...pod,
  };
}
