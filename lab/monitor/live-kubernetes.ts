import {
  ApiException,
  CoreV1Api,
  type Informer,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  PolicyV1Api,
  type V1Node,
  type V1PodDisruptionBudget,
} from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BudgetStatus, KubernetesSink, KubernetesSource, NodeStatus } from './kubernetes.js';

/** How long to wait before a watch that broke is begun again, milliseconds. */
const PAUSE = 200;

/** The Kubernetes API through a client of the monitor's own. Watches that break are begun again until it is stopped. */
export class LiveKubernetes implements KubernetesSource {
  private readonly config = new KubeConfig();
  private readonly core: CoreV1Api;
  private readonly policy: PolicyV1Api;
  private readonly informers: Informer<KubernetesObject>[] = [];
  private readonly stopping = new AbortController();

  /** @param kubeconfig YAML text. */
  constructor(kubeconfig: string) {
    this.config.loadFromString(kubeconfig);
    this.core = this.config.makeApiClient(CoreV1Api);
    this.policy = this.config.makeApiClient(PolicyV1Api);
  }

  start(sink: KubernetesSink): void {
    this.watch('/api/v1/nodes', () => this.core.listNode(), {
      seen: (node) => sink.node(nameOf(node), nodeStatus(node)),
      gone: (node) => sink.node(nameOf(node), undefined),
    });
    this.watch('/api/v1/pods', () => this.core.listPodForAllNamespaces(), {
      seen: (pod) => sink.pod(keyOf(pod), pod.metadata?.labels ?? {}),
      gone: (pod) => sink.pod(keyOf(pod), undefined),
    });
    this.watch('/apis/policy/v1/poddisruptionbudgets', () => this.policy.listPodDisruptionBudgetForAllNamespaces(), {
      seen: (budget) => sink.budget(keyOf(budget), budgetStatus(budget)),
      gone: (budget) => sink.budget(keyOf(budget), undefined),
    });
  }

  async readNode(name: string): Promise<NodeStatus | undefined> {
    try {
      return nodeStatus(await this.core.readNode({ name }));
    } catch (error) {
      if (error instanceof ApiException && error.code === 404) return undefined;
      throw error;
    }
  }

  stop(): void {
    this.stopping.abort();
    for (const informer of this.informers) void informer.stop();
  }

  private watch<T extends KubernetesObject>(
    path: string,
    list: () => Promise<KubernetesListObject<T>>,
    tell: { seen: (object: T) => void; gone: (object: T) => void },
  ): void {
    const informer = makeInformer<T>(this.config, path, list);
    informer.on('add', tell.seen);
    informer.on('update', tell.seen);
    informer.on('delete', tell.gone);
    informer.on('error', () => void this.begin(informer, PAUSE));
    this.informers.push(informer);
    void this.begin(informer, 0);
  }

  private async begin(informer: { start(): Promise<void> }, pause: number): Promise<void> {
    const { signal } = this.stopping;
    for (let wait = pause; !signal.aborted; wait = PAUSE) {
      try {
        await sleep(wait, undefined, { signal });
        await informer.start();
        return;
      } catch {
        // The list failed, the API is away: that is nothing the monitor judges. It tries again.
      }
    }
  }
}

function nameOf(object: KubernetesObject): string {
  return object.metadata?.name ?? '';
}

function keyOf(object: KubernetesObject): string {
  return `${object.metadata?.namespace ?? ''}/${nameOf(object)}`;
}

function nodeStatus(node: V1Node): NodeStatus {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return { ready, cordoned: node.spec?.unschedulable === true };
}

function budgetStatus({ metadata, spec, status }: V1PodDisruptionBudget): BudgetStatus {
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    selector: {
      matchLabels: spec?.selector?.matchLabels ?? {},
      matchExpressions: spec?.selector?.matchExpressions ?? [],
    },
    currentHealthy: status?.currentHealthy ?? 0,
    desiredHealthy: status?.desiredHealthy ?? 0,
  };
}
