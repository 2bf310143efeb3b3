import { fullName, type Pod } from '../clients/kubernetesObjects.js';
import type { Settings } from '../contract.js';

export type PodSettings = Pick<Settings, 'deleteEmptyDirData' | 'evictUnmanagedPods'>;

/** What a drain does with a pod. */
export type PodVerdict =
  | { kind: 'evict' }
  /** Stays until the machine goes; `why` in words. */
  | { kind: 'leave'; why: string }
  /** Must not be evicted; `why` names the setting that would allow it. */
  | { kind: 'refuse'; why: string };

type Filter = (pod: Pod, settings: PodSettings) => PodVerdict | undefined;

/** In order; the first one that knows decides. The rules are those of kubectl drain. */
const FILTERS: Filter[] = [mirrorPod, daemonSetPod, finishedPod, unmanagedPod, emptyDirPod];

export function judgePod(pod: Pod, settings: PodSettings): PodVerdict {
  for (const filter of FILTERS) {
    const verdict = filter(pod, settings);
    if (verdict) return verdict;
  }
  return { kind: 'evict' };
}

export interface SortedPods {
  evict: Pod[];
  leave: Pod[];
  /** One reason a pod, in words. */
  refused: string[];
}

export function sortPods(pods: Pod[], settings: PodSettings): SortedPods {
  const judged = pods.map((pod) => ({ pod, verdict: judgePod(pod, settings) }));
  const of = (kind: PodVerdict['kind']): Pod[] =>
    judged.filter(({ verdict }) => verdict.kind === kind).map(({ pod }) => pod);
  const refused = judged.flatMap(({ pod, verdict }) =>
    verdict.kind === 'refuse' ? [`${fullName(pod)}: ${verdict.why}`] : [],
  );
  return { evict: of('evict'), leave: of('leave'), refused };
}

/** The kubelet's own pods cannot be evicted: the API server only shows them. */
function mirrorPod(pod: Pod): PodVerdict | undefined {
  const mirror = pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  return mirror ? { kind: 'leave', why: 'static pod' } : undefined;
}

/** Its controller ignores a cordon and would make it again at once. */
function daemonSetPod(pod: Pod): PodVerdict | undefined {
  return controllerOf(pod)?.kind === 'DaemonSet' ? { kind: 'leave', why: 'DaemonSet' } : undefined;
}

function finishedPod(pod: Pod): PodVerdict | undefined {
  return ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '') ? { kind: 'evict' } : undefined;
}

function unmanagedPod(pod: Pod, settings: PodSettings): PodVerdict | undefined {
  if (controllerOf(pod) || settings.evictUnmanagedPods) return undefined;
  return {
    kind: 'refuse',
    why: 'no controller would make it again; the setting evictUnmanagedPods evicts it all the same',
  };
}

function emptyDirPod(pod: Pod, settings: PodSettings): PodVerdict | undefined {
  if (settings.deleteEmptyDirData || !pod.spec?.volumes?.some((volume) => volume.emptyDir !== undefined))
    return undefined;
  return {
    kind: 'refuse',
    why: 'the data of its emptyDir volume would be lost; the setting deleteEmptyDirData allows that',
  };
}

function controllerOf(pod: Pod): { kind: string; name: string } | undefined {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
