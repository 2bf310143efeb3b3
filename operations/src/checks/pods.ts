import { fullName, holds, type ContainerStatus, type Pod } from '../clients/kubernetesObjects.js';
import { isJudged, verdict, type Check } from './check.js';

/** Without these pods nothing else can be expected to work: each must be Ready. */
const CRITICAL_NAMESPACES = ['kube-system'];
/** Milliseconds for which a pod may be Pending. */
const PENDING_FOR = 5 * 60_000;
const BROKEN = [
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'CreateContainerConfigError',
  'CreateContainerError',
];

export const podsCheck: Check = {
  id: 'pods',
  describe: 'no pod crashes or stays Pending, and the critical namespaces are Ready',
  how: 'Kubernetes: phase, conditions and waiting containers of every Pod',
  run: async (ctx) => {
    const { session, clock } = ctx;
    const all = (await session.kubernetes.list<Pod>('/api/v1/pods')) ?? [];
    const pods = all.filter(({ spec }) => isJudged(ctx, spec?.nodeName));
    const problems = pods.flatMap((pod) => podProblems(pod, clock.now()));
    return verdict(problems, 'all pods running', `${pods.length} pods`);
  },
};

/** What is wrong with one pod, in words. */
export function podProblems(pod: Pod, now: number): string[] {
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' || pod.metadata.deletionTimestamp !== undefined) return [];
  const statuses: ContainerStatus[] = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
  ];
  const broken = statuses.map(({ state }) => state?.waiting?.reason ?? '').find((reason) => BROKEN.includes(reason));
  if (broken !== undefined) return [`${fullName(pod)}: ${broken}`];
  const age = now - Date.parse(pod.metadata.creationTimestamp ?? new Date(now).toISOString());
  if (phase === 'Pending' && age > PENDING_FOR)
    return [`${fullName(pod)}: Pending for ${Math.round(age / 60_000)} min`];
  const critical = CRITICAL_NAMESPACES.includes(pod.metadata.namespace ?? '');
  const managed = pod.metadata.ownerReferences !== undefined;
  if (critical && managed && phase !== 'Failed' && !holds(pod, 'Ready')) return [`${fullName(pod)}: not Ready`];
  return [];
}
