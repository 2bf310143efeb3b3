import type {
  ListWatch,
  V1Node,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1VolumeAttachment,
} from '@kubernetes/client-node';
import type { Connection } from './connection.js';

type PodListener = (pod: V1Pod, gone: boolean) => void;

/** One life of the cluster, from a bootstrap to its wipe: the connection, and what the stand-ins watch over it. */
export class Session {
  private readonly podListeners = new Set<PodListener>();
  private readonly volumeListeners = new Set<() => void>();
  private readonly budgetListeners = new Set<(budget: V1PodDisruptionBudget) => void>();

  private constructor(
    readonly connection: Connection,
    readonly signal: AbortSignal,
  ) {}

  nodes!: ListWatch<V1Node>;
  pods!: ListWatch<V1Pod>;
  claims!: ListWatch<V1PersistentVolumeClaim>;
  attachments!: ListWatch<V1VolumeAttachment>;

  /** @param signal aborted when the cluster is wiped or the lab goes down. */
  static async open(connection: Connection, signal: AbortSignal): Promise<Session> {
    const session = new Session(connection, signal);
    const volumes = { changed: () => session.tellVolumes(), deleted: () => session.tellVolumes() };
    [session.nodes, session.pods, session.claims, session.attachments] = await Promise.all([
      connection.follow<V1Node>('/api/v1/nodes', { changed: () => undefined }),
      connection.follow<V1Pod>('/api/v1/pods', {
        changed: (pod) => session.tellPod(pod, false),
        deleted: (pod) => session.tellPod(pod, true),
      }),
      connection.follow<V1PersistentVolumeClaim>('/api/v1/persistentvolumeclaims', volumes),
      connection.follow<V1VolumeAttachment>('/apis/storage.k8s.io/v1/volumeattachments', volumes),
      connection.follow<V1PodDisruptionBudget>('/apis/policy/v1/poddisruptionbudgets', {
        changed: (budget) => session.budgetListeners.forEach((listener) => listener(budget)),
      }),
    ]);
    return session;
  }

  onPod(listener: PodListener): void {
    this.podListeners.add(listener);
  }

  /** A claim or an attachment changed. */
  onVolumes(listener: () => void): void {
    this.volumeListeners.add(listener);
  }

  onBudget(listener: (budget: V1PodDisruptionBudget) => void): void {
    this.budgetListeners.add(listener);
  }

  podsOn(node: string): V1Pod[] {
    return this.pods.list().filter((pod) => pod.spec?.nodeName === node);
  }

  private tellPod(pod: V1Pod, gone: boolean): void {
    for (const listener of this.podListeners) listener(pod, gone);
  }

  private tellVolumes(): void {
    for (const listener of this.volumeListeners) listener();
  }
}
