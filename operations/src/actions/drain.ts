import { KubernetesError } from '../clients/kubernetes.js';
import { fullName, type Pod, type VolumeAttachment, type VolumeClaim } from '../clients/kubernetesObjects.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, watching, type Step } from '../step.js';
import { cordon, readNode } from './cordon.js';
import { listed } from './linstorGuard.js';
import { declareIfOff, isSilent, STOP_ITS_VM } from './outOfService.js';
import { sortPods } from './podFilters.js';
import { fenced } from './turn.js';

const PODS = '/api/v1/pods';
const ATTACHMENTS = '/apis/storage.k8s.io/v1/volumeattachments';
const BUDGETS = '/apis/policy/v1/poddisruptionbudgets';
/** A refused eviction is tried again when pods or budgets change, and after this at the latest, in milliseconds. */
const RETRY_AFTER = 5_000;

/** Cordons the node and evicts its pods, PodDisruptionBudgets honoured; returns when they and their volumes are gone. */
export async function drainNode(step: Step): Promise<void> {
  const node = await readNode(step);
  if (!node) return step.report('no such Kubernetes node: nothing to drain');
  await cordon(step, node);
  const { evict, leave, refused } = sortPods(await podsOf(step), step.settings);
  // Looked at before the first eviction: a drain that cannot end must not begin.
  if (refused.length > 0)
    throw new Stop('pods that may be evicted', listed(refused), 'npx prox-ops roll, once that is settled');
  step.report(`${evict.length} pods to evict, ${leave.length} stay with the node`);
  await inAttempts(step);
  await detached(step);
  step.report('drained');
}

async function inAttempts(step: Step): Promise<void> {
  const { drainAttempts, drainTimeout } = step.settings;
  for (let attempt = 1; ; attempt++) {
    await declareIfOff(step);
    try {
      return await new Eviction(step).run();
    } catch (error) {
      if (!(error instanceof WaitTimeout)) throw error;
      step.report(`attempt ${attempt} of ${drainAttempts} ended after ${drainTimeout} s: ${error.waiting}`);
      if (attempt < drainAttempts) continue;
      throw new Stop(
        `the node empty within ${drainAttempts} attempts of ${drainTimeout} s (drainAttempts, drainTimeout)`,
        error.waiting,
        (await silent(step)) ? STOP_ITS_VM : undefined,
      );
    }
  }
}

async function silent(step: Step): Promise<boolean> {
  const node = await readNode(step);
  return node !== undefined && isSilent(node);
}

/** One attempt: evicts whatever may go, looks again at every change, until nothing is left. */
class Eviction {
  /** Pods that wait, with the API server's reason. */
  private readonly refusals = new Map<string, string>();
  private readonly accepted = new Set<string>();

  constructor(private readonly step: Step) {}

  async run(): Promise<void> {
    const { step } = this;
    await waitFor(step, {
      timeout: step.settings.drainTimeout,
      every: RETRY_AFTER,
      // A budget's status changes whenever a pod of its own, on any node, becomes ready: then the next one may go.
      watch: [watching(step, PODS, onNode(step)), watching(step, BUDGETS)],
      look: () => this.look(),
    });
  }

  private async look(): Promise<Look<void>> {
    const { evict } = sortPods(await podsOf(this.step), this.step.settings);
    if (evict.length === 0) return { done: undefined };
    const due = evict.filter((pod) => pod.metadata.deletionTimestamp === undefined && !this.accepted.has(key(pod)));
    await Promise.all(due.map((pod) => this.evict(pod)));
    return { waiting: this.describe(evict) };
  }

  private async evict(pod: Pod): Promise<void> {
    const { kubernetes } = this.step.session;
    const { name, namespace = 'default', uid } = pod.metadata;
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      // The pod that was judged, and no namesake that took its place.
      deleteOptions: { preconditions: { uid } },
    };
    this.refusals.delete(key(pod));
    try {
      await fenced(this.step, () => kubernetes.create(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, body));
      this.accepted.add(key(pod));
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      this.note(pod, error);
    }
  }

  /** 404 and 409: the pod is gone, or another one has its name; the next look sees. 429: a budget says not now. */
  private note(pod: Pod, error: KubernetesError): void {
    if (error.status === 404 || error.status === 409) return;
    if (error.status === 429) return void this.refusals.set(key(pod), error.explanation);
    throw new Stop(`${fullName(pod)} to be evicted`, messageOf(error));
  }

  private describe(pods: Pod[]): string {
    const states = pods.map((pod) => `${fullName(pod)} (${this.refusals.get(key(pod)) ?? 'ending'})`);
    return `${pods.length} pods left: ${listed(states.sort())}`;
  }
}

function key(pod: Pod): string {
  return pod.metadata.uid ?? fullName(pod);
}

async function podsOf(step: Step): Promise<Pod[]> {
  return (await step.session.kubernetes.list<Pod>(PODS, onNode(step))) ?? [];
}

function onNode(step: Step): Record<string, string> {
  return { fieldSelector: `spec.nodeName=${step.node.name}` };
}

/** A volume still attached would have to be torn from the node, and its next user could not start. */
async function detached(step: Step): Promise<void> {
  const staying = await volumesOfStayingPods(step);
  const look = async (): Promise<Look<void>> => {
    const all = (await step.session.kubernetes.list<VolumeAttachment>(ATTACHMENTS)) ?? [];
    const left = all
      .filter((attachment) => attachment.spec.nodeName === step.node.name)
      .map((attachment) => attachment.spec.source?.persistentVolumeName ?? attachment.metadata.name)
      .filter((volume) => !staying.has(volume));
    return left.length === 0 ? { done: undefined } : { waiting: `volumes to be detached: ${listed(left.sort())}` };
  };
  try {
    await waitFor(step, { timeout: step.settings.drainTimeout, watch: [watching(step, ATTACHMENTS)], look });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`all volumes detached within ${error.seconds} s (drainTimeout)`, error.waiting);
  }
}

/** Volumes of DaemonSet pods stay attached as long as the machine runs. */
async function volumesOfStayingPods(step: Step): Promise<Set<string>> {
  const { leave } = sortPods(await podsOf(step), step.settings);
  const claims = leave.flatMap(({ metadata, spec }) =>
    (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
      persistentVolumeClaim ? [claimPath(metadata.namespace, persistentVolumeClaim.claimName)] : [],
    ),
  );
  const found = await Promise.all(claims.map((path) => step.session.kubernetes.get<VolumeClaim>(path)));
  return new Set(found.flatMap((claim) => claim?.spec?.volumeName ?? []));
}

function claimPath(
  namespace: string | undefined,
  name: string,
): `/api/v1/namespaces/${string}/persistentvolumeclaims/${string}` {
  return `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`;
}
