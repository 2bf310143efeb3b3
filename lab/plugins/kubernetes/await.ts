import { Deadline, pause } from '../protocol/timing.js';
import { ApiError, UnreachableError } from './client.js';
import type { KubeClient, KubeObject } from './client.js';
import type { Discovery } from './discovery.js';
import { idOf, isPlain } from './objects.js';

/** Seconds that creations, updates and deletions wait when nothing else is said. */
const DEFAULT_TIMEOUT = 600;

/** What an object waits for; a text says what is missing. */
type Readiness = (object: KubeObject) => string | undefined;

/** Waiting for one object, by watching it. */
export class Awaiter {
  constructor(
    private readonly client: KubeClient,
    private readonly discovery: Discovery,
  ) {}

  /**
   * Waits until the object is ready: rolled out, completed or established; kinds that have nothing to wait for are
   * ready at once. @returns the object as it is then. @throws NotReadyError with what was still missing.
   */
  async ready(object: KubeObject, timeout: number): Promise<KubeObject> {
    const readiness = READINESS[`${object.apiVersion} ${object.kind}`];
    if (!readiness || object.metadata.annotations?.['pulumi.com/skipAwait'] === 'true') return object;
    let last = object;
    let missing = readiness(object);
    const until = await this.follow(object, timeoutOf(object, timeout), (current) => {
      if (!current) return true;
      last = current;
      missing = readiness(current);
      return missing === undefined;
    });
    if (until && missing === undefined) return last;
    throw new NotReadyError(last, missing ?? 'it was deleted while it was waited for');
  }

  /** Waits until the object is gone. @throws NotReadyError when it is still there at the end of the time. */
  async gone(object: KubeObject, timeout: number): Promise<void> {
    let last = object;
    const gone = await this.follow(object, timeoutOf(object, timeout), (current) => {
      if (!current || current.metadata.uid !== object.metadata.uid) return true;
      last = current;
      return false;
    });
    if (gone) return;
    const finalizers = last.metadata['finalizers'];
    const waits = Array.isArray(finalizers) ? `; its finalizers are ${finalizers.join(', ')}` : '';
    throw new NotReadyError(last, `timed out waiting for deletion of ${object.kind} "${idOf(object)}"${waits}`);
  }

  /** Looks at the object and at each of its changes. @returns false when the time is up first. */
  private async follow(
    object: KubeObject,
    deadline: Deadline,
    done: (current: KubeObject | undefined) => boolean,
  ): Promise<boolean> {
    const { name = '', namespace } = object.metadata;
    const path = await this.discovery.path(object.apiVersion, object.kind, namespace);
    const query = { fieldSelector: `metadata.name=${name}` };
    while (!deadline.passed) {
      try {
        const list = await this.client.call<{ metadata: { resourceVersion: string }; items: KubeObject[] }>({
          method: 'GET',
          path,
          query,
        });
        const [item] = list.items;
        // The items of a list do not say what they are.
        if (done(item && { ...item, apiVersion: object.apiVersion, kind: object.kind })) return true;
        const timeoutSeconds = String(Math.max(1, Math.ceil(deadline.left / 1000)));
        const from = { ...query, resourceVersion: list.metadata.resourceVersion, timeoutSeconds };
        const stopped = await this.client.watch(path, from, (event) => {
          if (event.type === 'DELETED') return done(undefined);
          return event.type !== 'BOOKMARK' && event.type !== 'ERROR' && done(event.object);
        });
        if (stopped) return true;
      } catch (error) {
        // The API may be away for a moment; an answer that refuses is final, one that it is busy is not.
        if (!(error instanceof UnreachableError) && !(error instanceof ApiError && error.code >= 500)) throw error;
        await pause(1, deadline);
      }
    }
    return false;
  }
}

export class NotReadyError extends Error {
  constructor(
    readonly object: KubeObject,
    message: string,
  ) {
    super(message);
  }
}

function timeoutOf(object: KubeObject, timeout: number): Deadline {
  const annotated = Number(object.metadata.annotations?.['pulumi.com/timeoutSeconds'] ?? 0);
  return new Deadline(timeout || annotated || DEFAULT_TIMEOUT);
}

const READINESS: Record<string, Readiness> = {
  'apps/v1 Deployment': (object) => {
    const [wanted, status] = [count(object, 'spec', 'replicas', 1), at(object, 'status')];
    if (!observed(object)) return 'the Deployment controller has not seen the change yet';
    const [updated, available] = [num(status['updatedReplicas']), num(status['availableReplicas'])];
    if (updated < wanted) return `Minimum number of live Pods was not attained: ${updated} of ${wanted} are updated`;
    if (num(status['replicas']) > updated) return `${num(status['replicas']) - updated} old Pods are still there`;
    return available < wanted ? `Minimum number of Pods to consider the application live was not attained` : undefined;
  },
  'apps/v1 DaemonSet': (object) => {
    const status = at(object, 'status');
    if (!observed(object)) return 'the DaemonSet controller has not seen the change yet';
    const [wanted, updated] = [num(status['desiredNumberScheduled']), num(status['updatedNumberScheduled'])];
    if (updated < wanted) return `${updated} of ${wanted} Pods are updated`;
    const available = num(status['numberAvailable']);
    return available < wanted ? `${available} of ${wanted} Pods are available` : undefined;
  },
  'apps/v1 StatefulSet': (object) => {
    const [wanted, status] = [count(object, 'spec', 'replicas', 1), at(object, 'status')];
    if (!observed(object)) return 'the StatefulSet controller has not seen the change yet';
    if (num(status['readyReplicas']) < wanted) return `${num(status['readyReplicas'])} of ${wanted} replicas are ready`;
    const updating = status['currentRevision'] !== status['updateRevision'];
    return updating && num(status['updatedReplicas']) < wanted ? 'the update has not reached every replica' : undefined;
  },
  'batch/v1 Job': (object) => {
    if (condition(object, 'Failed')) return `the Job failed`;
    return condition(object, 'Complete') ? undefined : 'the Job has not completed';
  },
  'apiextensions.k8s.io/v1 CustomResourceDefinition': (object) =>
    condition(object, 'Established') ? undefined : 'the definition is not established yet',
  'v1 PersistentVolume': (object) =>
    ['Available', 'Bound'].includes(String(at(object, 'status')['phase'])) ? undefined : 'the volume is not available',
  'v1 Pod': (object) => {
    const phase = String(at(object, 'status')['phase']);
    return phase === 'Succeeded' || condition(object, 'Ready') ? undefined : `the Pod is ${phase}, not ready`;
  },
};

function at(object: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = object[name];
  return isPlain(value) ? value : {};
}

function num(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function count(object: KubeObject, part: string, name: string, otherwise: number): number {
  const value = at(object, part)[name];
  return typeof value === 'number' ? value : otherwise;
}

function observed(object: KubeObject): boolean {
  return num(at(object, 'status')['observedGeneration']) >= num(object.metadata.generation);
}

function condition(object: KubeObject, type: string): boolean {
  const conditions = at(object, 'status')['conditions'];
  return (
    Array.isArray(conditions) &&
    conditions.some((entry) => isPlain(entry) && entry['type'] === type && entry['status'] === 'True')
  );
}
