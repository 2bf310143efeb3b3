import type { Kubernetes } from '../clients/kubernetes.js';
import { parseApiPath, type ApiPath } from '../clients/permissions.js';
import { blocker, listed, type Finding } from './finding.js';
import type { SchedulablePod } from './objects.js';

/** What a Kubernetes minor release no longer knows: it refuses to start with it, or serves its objects no more. */
interface Removed {
  featureGates?: readonly string[];
  /** Flags by component. */
  flags?: Readonly<Record<string, readonly string[]>>;
  admissionPlugins?: readonly string[];
  /** Kinds whose last version went: their objects stay in etcd, out of everybody's reach. */
  kinds?: readonly ApiPath<'list'>[];
}

/**
 * By minor release. The same things that `talosctl upgrade-k8s` looks for; from Kubernetes' changelogs, which name what
 * went. Feature gates are common to all components.
 */
export const REMOVED: Readonly<Record<number, Removed>> = {
  30: {
    featureGates: [
      'ExpandedDNSConfig',
      'ExperimentalHostUserNamespaceDefaultingGate',
      'IPTablesOwnershipCleanup',
      'KubeletPodResources',
      'KubeletPodResourcesGetAllocatable',
      'MinimizeIPTablesRestore',
      'ProxyTerminatingEndpoints',
      'RemoveSelfLink',
    ],
    admissionPlugins: ['SecurityContextDeny'],
  },
  31: {
    featureGates: [
      'APIPriorityAndFairness',
      'CSINodeExpandSecret',
      'ConsistentHTTPGetHandlers',
      'DefaultHostNetworkHostPortsInPodTemplates',
      'ServiceNodePortStaticSubrange',
      'SkipReadOnlyValidationGCE',
    ],
    flags: {
      kubelet: ['keep-terminated-pod-volumes', 'iptables-masquerade-bit', 'iptables-drop-bit'],
      'kube-controller-manager': [
        'volume-host-cidr-denylist',
        'volume-host-allow-local-loopback',
        'horizontal-pod-autoscaler-upscale-delay',
        'horizontal-pod-autoscaler-downscale-delay',
      ],
    },
  },
  32: {
    featureGates: [
      'AllowServiceLBStatusOnNonLB',
      'CloudDualStackNodeIPs',
      'DRAControlPlaneController',
      'HPAContainerMetrics',
      'KMSv2',
      'KMSv2KDF',
      'LegacyServiceAccountTokenCleanUp',
      'MinDomainsInPodTopologySpread',
      'NewVolumeManagerReconstruction',
      'NodeOutOfServiceVolumeDetach',
      'ServerSideApply',
      'ServerSideFieldValidation',
      'StableLoadBalancerNodeSet',
      'ValidatingAdmissionPolicy',
      'ZeroLimitedNominalConcurrencyShares',
    ],
    kinds: ['/apis/resource.k8s.io/v1alpha3/podschedulingcontexts'],
  },
  33: {
    featureGates: [
      'AppArmor',
      'AppArmorFields',
      'CPUManager',
      'DisableCloudProviders',
      'DisableKubeletCloudCredentialProviders',
      'JobPodFailurePolicy',
      'KubeProxyDrainingTerminatingNodes',
      'PDBUnhealthyPodEvictionPolicy',
      'PersistentVolumeLastPhaseTransitionTime',
      'VolumeCapacityPriority',
    ],
    flags: { 'kube-apiserver': ['cloud-config'] },
  },
  34: {
    featureGates: ['DevicePluginCDIDevices', 'LegacySidecarContainers', 'PodDisruptionConditions'],
    flags: { kubelet: ['cloud-config'] },
  },
  35: {
    featureGates: ['SizeMemoryBackedVolumes', 'UserNamespacesHostNetworkSupport'],
    flags: { kubelet: ['pod-infra-container-image'] },
  },
  36: {
    featureGates: [
      'CSIMigrationPortworx',
      'HonorPVReclaimPolicy',
      'InTreePluginPortworxUnregister',
      'WatchFromStorageWithoutResourceVersion',
    ],
  },
};

/** How many objects there are of each kind that some release no longer serves, by the path of the kind. */
export type RemovedKinds = Record<string, number>;

/** Asks for every kind of the table that this cluster serves, whatever is planned. */
export async function countRemovedKinds(kubernetes: Pick<Kubernetes, 'list'>): Promise<RemovedKinds> {
  const paths = Object.values(REMOVED).flatMap(({ kinds = [] }: Removed) => kinds);
  const counts = await Promise.all(
    paths.map(async (path) => [path, (await kubernetes.list(path))?.length ?? 0] as const),
  );
  return Object.fromEntries(counts);
}

/** A component, and its flags as it was started with them. */
interface Started {
  name: string;
  flags: Map<string, string>;
}

/** A minor release that a component runs, and the one it is to run. */
export interface Step {
  from: number;
  to: number;
}

/** What the static pods of a control plane are started with and the release to come no longer knows. */
export function removedFromControlPlane(node: string, step: Step, pods: SchedulablePod[]): Finding[] {
  const started = pods.filter(({ spec }) => spec?.nodeName === node).flatMap(startedComponent);
  return findings(node, step, started);
}

/** The same of a kubelet. @param args its further arguments, by name. */
export function removedFromKubelet(node: string, step: Step, args: Record<string, string>): Finding[] {
  return findings(node, step, [{ name: 'kubelet', flags: new Map(Object.entries(args)) }]);
}

/** Objects that nobody will get at any more, not even to delete them, once the API servers have made the step. */
export function removedFromApi(node: string, step: Step, kinds: RemovedKinds): Finding[] {
  const found = removedIn(step)
    .flatMap(({ kinds: paths = [] }) => paths)
    .flatMap((path) => ((kinds[path] ?? 0) > 0 ? [`${kinds[path]} ${kindOf(path)}`] : []));
  if (found.length === 0) return [];
  return [
    blocker({
      topic: 'version',
      node,
      object: 'Kubernetes',
      expected: `no object of a kind that v1.${step.to} no longer serves`,
      found: listed(found),
      remedy: 'delete them, or replace them by what came after them, while the API still serves them',
    }),
  ];
}

/** As `kubectl get` takes it. */
function kindOf(path: string): string {
  const { resource, version, group } = parseApiPath(path) ?? { resource: path, version: '', group: '' };
  return `${resource}.${version}.${group}`;
}

function removedIn({ from, to }: Step): Removed[] {
  return Object.entries(REMOVED).flatMap(([minor, removed]) =>
    Number(minor) > from && Number(minor) <= to ? [removed] : [],
  );
}

function startedComponent({ metadata, spec }: SchedulablePod): Started[] {
  const [container] = spec?.containers ?? [];
  const name = /\/(kube-apiserver|kube-controller-manager|kube-scheduler):/.exec(container?.image ?? '')?.[1];
  if (!container || name === undefined || metadata.annotations?.['kubernetes.io/config.mirror'] === undefined)
    return [];
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const flags = words.flatMap((word) => {
    const [, flag, value = ''] = /^--([^=]+)=?(.*)$/.exec(word) ?? [];
    return flag === undefined ? [] : [[flag, value] as const];
  });
  return [{ name, flags: new Map(flags) }];
}

function findings(node: string, step: Step, started: Started[]): Finding[] {
  const found = removedIn(step).flatMap((removed) => started.flatMap((component) => unknownTo(removed, component)));
  if (found.length === 0) return [];
  return [
    blocker({
      topic: 'version',
      node,
      object: 'Kubernetes',
      expected: `nothing that v1.${step.to} no longer knows, and does not start with`,
      found: listed(found),
      remedy: 'take it out of the patches of the machine configuration first, with the release that runs',
    }),
  ];
}

function unknownTo({ featureGates = [], flags = {}, admissionPlugins = [] }: Removed, { name, flags: given }: Started) {
  const listedIn = (flag: string) => (given.get(flag) ?? '').split(',').map((part) => part.replace(/=.*$/, '').trim());
  const plugins = [...listedIn('enable-admission-plugins'), ...listedIn('disable-admission-plugins')];
  return [
    ...(flags[name] ?? []).filter((flag) => given.has(flag)).map((flag) => `${name}: flag --${flag}`),
    ...featureGates
      .filter((gate) => listedIn('feature-gates').includes(gate))
      .map((gate) => `${name}: feature gate ${gate}`),
    ...admissionPlugins
      .filter((plugin) => plugins.includes(plugin))
      .map((plugin) => `${name}: admission plugin ${plugin}`),
  ];
}
