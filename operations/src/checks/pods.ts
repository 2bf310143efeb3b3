import { fullName, holds, type ContainerStatus, type Pod } from '../clients/kubernetesObjects.js';
import { isJudged, verdict, type Check, type Problem } from './check.js';
import { isProbe } from './probe/manifest.js';

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
  excusable: true,
  run: async (ctx) => {
    const all = (await ctx.session.kubernetes.list<Pod>('/api/v1/pods')) ?? [];
    const pods = all.filter(({ spec }) => isJudged(ctx, spec?.nodeName));
    const now = ctx.clock.now();
    const problems = pods.flatMap((pod) => podProblems(pod, now).map((text): Problem => ({ key: ownerOf(pod), text })));
    return verdict(problems, 'all pods running', `${pods.length} pods`);
  },
};

/** A pod that is made again has another name and the same owner; a DaemonSet has one a node. */
function ownerOf({ metadata, spec }: Pod): string {
  const owner =
    metadata.ownerReferences?.find(({ controller }) => controller === true) ?? metadata.ownerReferences?.[0];
  const where = owner?.kind === 'DaemonSet' ? ` on ${spec?.nodeName ?? 'no node'}` : '';
  return `${metadata.namespace ?? ''} ${owner?.kind ?? 'Pod'}/${owner?.name ?? metadata.name}${where}`;
}

/** What is wrong with one pod, in words. */
export function podProblems(pod: Pod, now: number): string[] {
  const phase = pod.status?.phase;
  // The network's check has its own word on it.
  if (isProbe(pod)) return [];
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
