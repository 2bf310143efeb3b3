import type { KubernetesObject, ListWatch, V1DaemonSet, V1Deployment, V1StatefulSet } from '@kubernetes/client-node';
import { Connection } from '../connection.js';

/** A Deployment, StatefulSet or DaemonSet. */
type Controller = V1Deployment & V1StatefulSet & V1DaemonSet;

const PATHS = ['deployments', 'statefulsets', 'daemonsets'].map((plural) => `/apis/apps/v1/${plural}`);

/**
 * Resolves when every Deployment, StatefulSet and DaemonSet has all its pods ready, and there is at least one.
 * @throws Error when `signal` is aborted first, naming what was still missing.
 */
export async function workloadsSettled(kubeconfig: string, signal: AbortSignal): Promise<void> {
  const connection = new Connection(kubeconfig);
  try {
    await settled(connection, signal);
  } finally {
    connection.close();
  }
}

async function settled(connection: Connection, signal: AbortSignal): Promise<void> {
  let look: () => void = () => undefined;
  // The list that the callback belongs to is up to date only after it.
  const later = (): void => void setImmediate(() => look());
  const watched = await Promise.all(
    PATHS.map((path) => connection.follow<KubernetesObject>(path, { changed: later, deleted: later })),
  );
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => reject(new Error(`expected all workloads ready, found: ${missing(watched).join('; ')}`));
    look = () => {
      if (watched.every((list) => list.list().length > 0) && missing(watched).length === 0) resolve();
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    look();
  });
}

function missing(watched: ListWatch<KubernetesObject>[]): string[] {
  return watched.flatMap((list) => list.list().flatMap((object) => problem(object as Controller)));
}

function problem({ metadata, spec, status }: Controller): string[] {
  const wanted = status?.desiredNumberScheduled ?? spec?.replicas ?? 0;
  const ready = status?.numberReady ?? status?.readyReplicas ?? 0;
  const seen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  return seen && ready >= wanted ? [] : [`${metadata?.namespace}/${metadata?.name} ${ready} of ${wanted}`];
}
