import type {
  Claim,
  CsiNode,
  LabelSelector,
  PodAffinityTerm,
  SchedulableNode,
  SchedulablePod,
  StorageClass,
  Volume,
} from '../objects.js';
import type { KubeObject } from '../../clients/kubernetesObjects.js';
import { requestsOf, type Amounts } from './requests.js';
import { selects } from './selectors.js';

/** What of a cluster decides where a pod can run. */
export interface SceneObjects {
  nodes: SchedulableNode[];
  /** All pods; those that have ended or have no node take no room. */
  pods: SchedulablePod[];
  namespaces: KubeObject[];
  claims: Claim[];
  volumes: Volume[];
  classes: StorageClass[];
  csiNodes: CsiNode[];
}

/** A cluster as the scheduler's filters look at it. Immutable: pods that move make another scene. */
export class Scene {
  readonly nodes: SchedulableNode[];
  readonly pods: SchedulablePod[];
  private readonly byNode = new Map<string, SchedulablePod[]>();
  private readonly requested = new Map<string, Amounts>();
  private readonly nodeByName: Map<string, SchedulableNode>;
  private readonly namespaceLabels: Map<string, Record<string, string>>;
  private readonly claims: Map<string, Claim>;
  private readonly volumes: Map<string, Volume>;
  private readonly classes: Map<string, StorageClass>;
  private readonly csiNodes: Map<string, CsiNode>;

  constructor(private readonly objects: SceneObjects) {
    this.nodes = objects.nodes;
    this.pods = objects.pods.filter(takesRoom);
    for (const pod of this.pods) this.put(pod);
    this.nodeByName = byName(objects.nodes);
    this.namespaceLabels = new Map(objects.namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
    this.claims = new Map(objects.claims.map((claim) => [`${claim.metadata.namespace}/${claim.metadata.name}`, claim]));
    this.volumes = byName(objects.volumes);
    this.classes = byName(objects.classes);
    this.csiNodes = byName(objects.csiNodes);
  }

  /** The same cluster with other pods, and with `cordoned` nodes closed to new ones. */
  with(pods: SchedulablePod[], cordoned: string[] = []): Scene {
    const nodes = this.nodes.map((node) => (cordoned.includes(node.metadata.name) ? closed(node) : node));
    return new Scene({ ...this.objects, nodes, pods });
  }

  node(name: string | undefined): SchedulableNode | undefined {
    return name === undefined ? undefined : this.nodeByName.get(name);
  }

  podsOn(node: string): SchedulablePod[] {
    return this.byNode.get(node) ?? [];
  }

  requestedOn(node: string): Amounts {
    return this.requested.get(node) ?? {};
  }

  claim(namespace: string, name: string): Claim | undefined {
    return this.claims.get(`${namespace}/${name}`);
  }

  volume(name: string): Volume | undefined {
    return this.volumes.get(name);
  }

  storageClass(name: string | undefined): StorageClass | undefined {
    return name === undefined ? undefined : this.classes.get(name);
  }

  csiNode(name: string): CsiNode | undefined {
    return this.csiNodes.get(name);
  }

  /** Whether a term of a pod in `home` means `other`. */
  means(term: PodAffinityTerm, home: string, other: SchedulablePod): boolean {
    const { namespaces = [], namespaceSelector, labelSelector } = term;
    const namespace = namespaceOf(other);
    const own = namespaces.length === 0 && namespaceSelector === undefined && namespace === home;
    const inside = own || namespaces.includes(namespace) || this.selectsNamespace(namespaceSelector, namespace);
    return inside && selects(labelSelector, other.metadata.labels);
  }

  private selectsNamespace(selector: LabelSelector | undefined, namespace: string): boolean {
    return selects(selector, this.namespaceLabels.get(namespace));
  }

  private put(pod: SchedulablePod): void {
    const node = pod.spec?.nodeName ?? '';
    const here = this.byNode.get(node);
    if (here) here.push(pod);
    else this.byNode.set(node, [pod]);
    const sum = this.requested.get(node) ?? {};
    for (const [resource, amount] of Object.entries(requestsOf(pod))) sum[resource] = (sum[resource] ?? 0) + amount;
    this.requested.set(node, sum);
  }
}

export function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? 'default';
}

function takesRoom({ spec, status }: SchedulablePod): boolean {
  return spec?.nodeName !== undefined && !['Succeeded', 'Failed'].includes(status?.phase ?? '');
}

/** As `kubectl cordon` leaves it: the node lifecycle controller adds the taint. */
function closed(node: SchedulableNode): SchedulableNode {
  const key = 'node.kubernetes.io/unschedulable';
  const taints = (node.spec?.taints ?? []).filter((taint) => taint.key !== key);
  return { ...node, spec: { ...node.spec, unschedulable: true, taints: [...taints, { key, effect: 'NoSchedule' }] } };
}

function byName<T extends KubeObject>(objects: T[]): Map<string, T> {
  return new Map(objects.map((object) => [object.metadata.name, object]));
}
