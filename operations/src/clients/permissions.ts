/**
 * Every request that the steps may send to the Kubernetes API. It is the single source of two things: a path that is not
 * described here is no argument of the client's methods (and is refused when it is made up at run time), and the driver's
 * roles are generated from it. So there is no call without a permission; that there is no permission without a call is
 * proved by test/faults/addons.test.ts, which compares the API server's audit log with this table.
 */

/** RBAC's verbs, as far as they are used. `update` is what the API calls a PUT. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/**
 * cluster: a kind without namespaces. everywhere: a kind with namespaces, in all of them. kube-system, lease, linstor: in
 * one namespace alone; the last two are settings. suspended: the objects of a list in the settings, and no other.
 */
export type Where = 'cluster' | 'everywhere' | 'kube-system' | 'lease' | 'linstor' | 'suspended';

export interface Permission {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly where: Where;
  /** The only object's name. RBAC cannot limit a create by it. */
  readonly name?: string;
  readonly verbs: readonly Verb[];
  /** For whoever reads the role. */
  readonly why: string;
}

/** Name of the lease that serialises rollouts: one per cluster. */
export const LEASE_NAME = 'prox-ops-rollout';

/** The driver's own namespace, whose condition says whether a rollout is in progress. */
export const TOLD_NAMESPACE = 'prox-ops';

export const PERMISSIONS = [
  {
    group: '',
    version: 'v1',
    resource: 'nodes',
    where: 'cluster',
    verbs: ['get', 'list', 'watch', 'patch', 'delete'],
    why: 'health; cordon and uncordon; forget a node that left for good',
  },
  {
    group: '',
    version: 'v1',
    resource: 'pods',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: "health; what a drain has to evict; LINSTOR's controller",
  },
  {
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: 'eviction',
    where: 'everywhere',
    verbs: ['create'],
    why: 'drain: never a delete, which would go around the budgets',
  },
  {
    group: '',
    version: 'v1',
    resource: 'persistentvolumeclaims',
    where: 'everywhere',
    verbs: ['get', 'list'],
    why: 'drain: volumes of pods that stay with their node; plan: where pods can go',
  },
  {
    group: '',
    version: 'v1',
    resource: 'persistentvolumes',
    where: 'cluster',
    verbs: ['list'],
    why: 'plan: nodes that volumes can be used on',
  },
  {
    group: '',
    version: 'v1',
    resource: 'namespaces',
    where: 'cluster',
    verbs: ['list'],
    why: 'plan: pods that are kept apart or together by the labels of their namespaces; rebuild: what came back',
  },
  {
    group: '',
    version: 'v1',
    resource: 'namespaces',
    subresource: 'status',
    where: 'cluster',
    name: TOLD_NAMESPACE,
    verbs: ['patch'],
    why: 'tell whoever waits for it that a rollout is in progress',
  },
  {
    group: 'storage.k8s.io',
    version: 'v1',
    resource: 'storageclasses',
    where: 'cluster',
    verbs: ['list'],
    why: 'plan: where volumes can be made',
  },
  {
    group: 'storage.k8s.io',
    version: 'v1',
    resource: 'csinodes',
    where: 'cluster',
    verbs: ['list'],
    why: 'plan: how many volumes a node takes',
  },
  {
    group: 'storage.k8s.io',
    version: 'v1',
    resource: 'volumeattachments',
    where: 'cluster',
    verbs: ['list', 'watch'],
    why: 'drain: volumes that must be detached first',
  },
  {
    group: 'policy',
    version: 'v1',
    resource: 'poddisruptionbudgets',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: 'plan: evictions that no budget will allow; drain: when the next one may pass',
  },
  {
    group: 'kustomize.toolkit.fluxcd.io',
    version: 'v1',
    resource: 'kustomizations',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: 'health of Flux; those that a rollout suspended; rebuild: what comes back',
  },
  {
    group: 'kustomize.toolkit.fluxcd.io',
    version: 'v1',
    resource: 'kustomizations',
    where: 'suspended',
    verbs: ['get', 'patch'],
    why: 'suspend and resume them around a rollout',
  },
  {
    group: 'helm.toolkit.fluxcd.io',
    version: 'v2',
    resource: 'helmreleases',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: 'health of Flux; rebuild: what comes back',
  },
  {
    group: 'source.toolkit.fluxcd.io',
    version: 'v1',
    resource: 'gitrepositories',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: 'rebuild: where Flux brings it back from',
  },
  {
    group: 'source.toolkit.fluxcd.io',
    version: 'v1',
    resource: 'ocirepositories',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: 'rebuild: where Flux brings it back from',
  },
  {
    group: 'source.toolkit.fluxcd.io',
    version: 'v1',
    resource: 'helmrepositories',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: 'rebuild: where Flux brings it back from',
  },
  {
    group: 'source.toolkit.fluxcd.io',
    version: 'v1',
    resource: 'buckets',
    where: 'everywhere',
    verbs: ['list', 'watch'],
    why: 'rebuild: where Flux brings it back from',
  },
  {
    group: 'ceph.rook.io',
    version: 'v1',
    resource: 'cephclusters',
    where: 'everywhere',
    verbs: ['list'],
    why: 'health of Ceph',
  },
  {
    group: 'volsync.backube',
    version: 'v1alpha1',
    resource: 'replicationsources',
    where: 'everywhere',
    verbs: ['list'],
    why: 'verify: age of the last copy of a volume',
  },
  {
    group: 'volsync.backube',
    version: 'v1alpha1',
    resource: 'replicationdestinations',
    where: 'everywhere',
    verbs: ['list'],
    why: 'verify: volumes that were restored',
  },
  {
    group: 'snapshot.storage.k8s.io',
    version: 'v1',
    resource: 'volumesnapshots',
    where: 'everywhere',
    verbs: ['list'],
    why: 'verify: snapshots that can be used',
  },
  {
    group: 'networking.k8s.io',
    version: 'v1',
    resource: 'ingresses',
    where: 'everywhere',
    verbs: ['list'],
    why: 'verify: what is to be reached from outside',
  },
  {
    group: 'gateway.networking.k8s.io',
    version: 'v1',
    resource: 'gateways',
    where: 'everywhere',
    verbs: ['list'],
    why: 'verify: what is to be reached from outside',
  },
  {
    group: 'k8s.cni.cncf.io',
    version: 'v1',
    resource: 'network-attachment-definitions',
    where: 'everywhere',
    verbs: ['list'],
    why: 'verify: links that pods are attached to (Multus)',
  },
  {
    group: 'resource.k8s.io',
    version: 'v1alpha3',
    resource: 'podschedulingcontexts',
    where: 'everywhere',
    verbs: ['list'],
    why: 'plan: objects that Kubernetes 1.32 no longer serves',
  },
  {
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    where: 'kube-system',
    verbs: ['list'],
    why: 'health of CoreDNS',
  },
  {
    group: 'discovery.k8s.io',
    version: 'v1',
    resource: 'endpointslices',
    where: 'everywhere',
    verbs: ['list'],
    why: 'health of CoreDNS; orphans: names that lead to a machine that is gone',
  },
  {
    group: 'externaldns.k8s.io',
    version: 'v1alpha1',
    resource: 'dnsendpoints',
    where: 'everywhere',
    verbs: ['list'],
    why: 'orphans: names that lead to a machine that is gone',
  },
  {
    group: 'coordination.k8s.io',
    version: 'v1',
    resource: 'leases',
    where: 'lease',
    verbs: ['create'],
    why: 'the first rollout makes the lease',
  },
  {
    group: 'coordination.k8s.io',
    version: 'v1',
    resource: 'leases',
    where: 'lease',
    name: LEASE_NAME,
    verbs: ['get', 'watch', 'update'],
    why: 'one rollout at a time, and the fence around every write',
  },
  {
    group: 'batch',
    version: 'v1',
    resource: 'jobs',
    where: 'lease',
    verbs: ['create', 'list', 'delete'],
    why: 'health of the network: a probe on the node that came back, and what a killed run left of one',
  },
  {
    group: '',
    version: 'v1',
    resource: 'events',
    where: 'lease',
    verbs: ['list', 'watch'],
    why: "why a probe's pod could not be created",
  },
  {
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: 'portforward',
    where: 'linstor',
    // A WebSocket opens with a GET. From Kubernetes 1.35 on that needs `create` as well.
    verbs: ['get', 'create'],
    why: "LINSTOR's controller, where no URL of it is configured",
  },
] as const satisfies readonly Permission[];

type Known = (typeof PERMISSIONS)[number];
type Granted<V extends Verb> = Known extends infer P
  ? P extends Known
    ? V extends P['verbs'][number]
      ? P
      : never
    : never
  : never;
type Root<P extends Permission> = P['group'] extends ''
  ? `/api/${P['version']}`
  : `/apis/${P['group']}/${P['version']}`;
type Scope<P extends Permission> = P['where'] extends 'cluster'
  ? ''
  : P['where'] extends 'everywhere'
    ? '' | `/namespaces/${string}`
    : `/namespaces/${string}`;
type Collection<P extends Permission> = `${Root<P>}${Scope<P>}/${P['resource']}`;
type PathTo<P extends Permission, V extends Verb> = P extends { subresource: infer S extends string }
  ? `${Collection<P>}/${string}/${S}`
  : V extends 'list' | 'watch' | 'create'
    ? Collection<P>
    : `${Collection<P>}/${string}`;

/** A path of the API, starting with /api or /apis, for which the table has the verb. */
export type ApiPath<V extends Verb> = Granted<V> extends infer P ? (P extends Known ? PathTo<P, V> : never) : never;

/** What a path of the API names. */
export interface ApiTarget {
  group: string;
  version: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  /** Absent: the whole collection. */
  name?: string;
}

/** @returns undefined for what is no path to objects. */
export function parseApiPath(path: string): ApiTarget | undefined {
  const own = /^\/api\/v1\/namespaces\/([^/]+)\/(status|finalize)$/.exec(path);
  // The API has it so as well: a namespace's own subresources are no kinds in it.
  if (own) return { group: '', version: 'v1', resource: 'namespaces', name: own[1]!, subresource: own[2]! };
  const match =
    /^\/(?:api|apis\/([^/]+))\/([^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
      path,
    );
  if (!match) return undefined;
  const [, group = '', version = '', namespace, resource = '', name, subresource] = match;
  return {
    group,
    version,
    resource,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(subresource !== undefined && { subresource }),
  };
}

/** The permission that a request needs; undefined when there is none in the table. */
export function permissionFor(verb: Verb, path: string): Permission | undefined {
  const target = parseApiPath(path);
  return target && PERMISSIONS.find((permission: Permission) => covers(permission, verb, target));
}

/** @throws Error for a request that the table does not have: it would be refused under the driver's own role. */
export function assertPermitted(verb: Verb, path: string): void {
  if (permissionFor(verb, path)) return;
  throw new Error(`expected a request of the table in operations/src/clients/permissions.ts, found: ${verb} ${path}`);
}

function ofCollections({ subresource }: Permission, verb: Verb): boolean {
  return subresource === undefined && (verb === 'list' || verb === 'watch' || verb === 'create');
}

function covers(permission: Permission, verb: Verb, target: ApiTarget): boolean {
  const { group, version, resource, subresource, where, name, verbs } = permission;
  const same = group === target.group && version === target.version && resource === target.resource;
  if (!same || subresource !== target.subresource || !verbs.includes(verb)) return false;
  // Without a name a delete is a `deletecollection`, another verb.
  if ((target.name === undefined) !== ofCollections(permission, verb)) return false;
  if (where === 'cluster' && target.namespace !== undefined) return false;
  if (where === 'kube-system' && target.namespace !== where) return false;
  const inOne = where === 'lease' || where === 'linstor' || where === 'suspended';
  if (inOne && target.namespace === undefined) return false;
  return name === undefined || target.name === undefined || target.name === name;
}
