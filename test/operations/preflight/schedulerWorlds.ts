import fc from 'fast-check';

/** Generated clusters for the comparison with the real scheduler: few values, so that rules meet often. */

export const ZONES = ['a', 'b', 'c'];
const APPS = ['web', 'db', 'cache'];
export const NAMESPACES = ['blue', 'green'];
const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

export interface GeneratedNode {
  labels: Record<string, string>;
  taints: object[];
  unschedulable: boolean;
  allocatable: Record<string, string>;
}

export interface GeneratedPod {
  namespace: string;
  labels: Record<string, string>;
  spec: Record<string, unknown>;
}

export interface GeneratedWorld {
  nodes: GeneratedNode[];
  /** Pods that run already, with the position of their node. */
  running: { pod: GeneratedPod; on: number }[];
  incoming: GeneratedPod[];
}

const maybe = <T>(value: fc.Arbitrary<T>, freq = 2) => fc.option(value, { nil: undefined, freq });
const labels = fc.record({ app: fc.constantFrom(...APPS), tier: fc.constantFrom('x', 'y') });

const node: fc.Arbitrary<GeneratedNode> = fc.record({
  labels: fc
    .record({
      zone: maybe(fc.constantFrom(...ZONES), 6),
      disk: maybe(fc.constantFrom('ssd', 'hdd')),
      size: maybe(fc.nat(9)),
    })
    .map(({ zone, disk, size }) => ({
      ...(zone !== undefined && { [ZONE]: zone }),
      ...(disk !== undefined && { disk }),
      ...(size !== undefined && { size: String(size) }),
    })),
  taints: fc.subarray(
    [
      { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' },
      { key: 'flaky', effect: 'PreferNoSchedule' },
    ],
    { maxLength: 1 },
  ),
  unschedulable: fc.nat(4).map((n) => n === 0),
  allocatable: fc.record({
    cpu: fc.constantFrom('1', '2500m', '4'),
    memory: fc.constantFrom('1Gi', '2048Mi', '4e9'),
    pods: fc.constantFrom('3', '10'),
    'example.com/gpu': fc.constantFrom('0', '1'),
  }),
});

const selector = fc.oneof(
  labels.map(({ app }) => ({ matchLabels: { app } })),
  fc.subarray(APPS, { minLength: 1 }).map((values) => ({ matchExpressions: [{ key: 'app', operator: 'In', values }] })),
  fc.constant({ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['y'] }] }),
  fc.constant({ matchExpressions: [{ key: 'nobody', operator: 'Exists' }] }),
  fc.constant({}),
);

const term = fc
  .record({
    topologyKey: fc.constantFrom(HOST, ZONE),
    labelSelector: selector,
    namespaces: maybe(fc.subarray(NAMESPACES, { minLength: 1 }), 1),
    namespaceSelector: maybe(fc.constantFrom({}, { matchLabels: { colour: 'green' } }), 1),
  })
  .map(defined);

const spread = fc
  .record({
    maxSkew: fc.constantFrom(1, 2),
    topologyKey: fc.constantFrom(HOST, ZONE),
    whenUnsatisfiable: fc.constantFrom('DoNotSchedule', 'DoNotSchedule', 'ScheduleAnyway'),
    labelSelector: selector,
    minDomains: maybe(fc.constantFrom(2, 4), 1),
    nodeAffinityPolicy: maybe(fc.constantFrom('Honor', 'Ignore'), 1),
    nodeTaintsPolicy: maybe(fc.constantFrom('Honor', 'Ignore'), 1),
    matchLabelKeys: maybe(fc.constant(['tier']), 1),
  })
  .filter(({ minDomains, whenUnsatisfiable }) => minDomains === undefined || whenUnsatisfiable === 'DoNotSchedule')
  .filter(({ matchLabelKeys, labelSelector }) => matchLabelKeys === undefined || !mentions(labelSelector, 'tier'))
  .map(defined);

const nodeRequirement = fc.constantFrom(
  { key: 'disk', operator: 'In', values: ['ssd'] },
  { key: 'disk', operator: 'NotIn', values: ['ssd'] },
  { key: ZONE, operator: 'Exists' },
  { key: 'disk', operator: 'DoesNotExist' },
  { key: 'size', operator: 'Gt', values: ['4'] },
  { key: 'size', operator: 'Lt', values: ['6'] },
);

const requests = fc.record({
  cpu: fc.constantFrom('100m', '1', '1.5', '0.3'),
  memory: fc.constantFrom('64Mi', '1Gi', '1500M'),
});

const containers = fc
  .record({
    main: requests,
    gpu: fc.nat(5).map((n) => n === 0),
    hostPort: maybe(fc.constantFrom(8080, 9090), 1),
    init: maybe(requests, 1),
    sidecar: maybe(requests, 1),
  })
  .map(({ main, gpu, hostPort, init, sidecar }) => ({
    containers: [
      container('main', {
        resources: {
          requests: { ...main, ...(gpu && { 'example.com/gpu': '1' }) },
          limits: gpu ? { 'example.com/gpu': '1' } : {},
        },
        ...(hostPort !== undefined && { ports: [{ containerPort: 80, hostPort }] }),
      }),
    ],
    initContainers: [
      ...(sidecar ? [container('sidecar', { restartPolicy: 'Always', resources: { requests: sidecar } })] : []),
      ...(init ? [container('init', { resources: { requests: init } })] : []),
    ],
  }));

const tolerations = fc.subarray(
  [
    { key: 'dedicated', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
  ],
  { maxLength: 2 },
);

const pod: fc.Arbitrary<GeneratedPod> = fc
  .record({
    namespace: fc.constantFrom(...NAMESPACES),
    labels,
    containers,
    tolerations,
    nodeSelector: maybe(fc.constant({ disk: 'ssd' }), 1),
    nodeTerms: maybe(
      fc.array(fc.array(nodeRequirement, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
      1,
    ),
    near: maybe(fc.array(term, { minLength: 1, maxLength: 2 }), 1),
    apart: maybe(fc.array(term, { minLength: 1, maxLength: 1 }), 1),
    spreads: fc.uniqueArray(spread, {
      maxLength: 2,
      selector: ({ topologyKey, whenUnsatisfiable }) => `${topologyKey} ${whenUnsatisfiable}`,
    }),
    claim: maybe(fc.constantFrom(...ZONES), 1),
  })
  .map(toPod);

type PodParts = {
  namespace: string;
  labels: Record<string, string>;
  containers: object;
  tolerations: object[];
  nodeSelector: object | undefined;
  nodeTerms: object[][] | undefined;
  near: object[] | undefined;
  apart: object[] | undefined;
  spreads: object[];
  claim: string | undefined;
};

function toPod(parts: PodParts): GeneratedPod {
  const { namespace, labels: own, nodeTerms, near, apart, claim } = parts;
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const affinity = defined({
    nodeAffinity: nodeTerms && {
      [required]: { nodeSelectorTerms: nodeTerms.map((matchExpressions) => ({ matchExpressions })) },
    },
    podAffinity: near && { [required]: near },
    podAntiAffinity: apart && { [required]: apart },
  });
  return {
    namespace,
    labels: own,
    spec: {
      ...parts.containers,
      tolerations: parts.tolerations,
      topologySpreadConstraints: parts.spreads,
      ...(parts.nodeSelector && { nodeSelector: parts.nodeSelector }),
      affinity,
      ...(claim !== undefined && {
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `claim-${claim}` } }],
      }),
    },
  };
}

/** @param size nodes of each world. */
export function worlds(size: number): fc.Arbitrary<GeneratedWorld> {
  return fc.record({
    nodes: fc.array(node, { minLength: size, maxLength: size }),
    running: fc.array(fc.record({ pod, on: fc.nat(size - 1) }), { minLength: 4, maxLength: 9 }),
    incoming: fc.array(pod, { minLength: 12, maxLength: 12 }),
  });
}

function container(name: string, more: object): object {
  return { name, image: 'example/none', ...more };
}

function mentions(found: object, key: string): boolean {
  return JSON.stringify(found).includes(`"${key}"`);
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Partial<T>;
}
