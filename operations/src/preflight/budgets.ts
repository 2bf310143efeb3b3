import { podProblems } from '../checks/pods.js';
import { fullName } from '../clients/kubernetesObjects.js';
import { blocker, warning, type Finding } from './finding.js';
import type { Budget, SchedulablePod } from './objects.js';
import { namespaceOf } from './scheduler/scene.js';
import { selects } from './scheduler/selectors.js';

/** The pods that a drain of one node evicts, and which of them have nowhere to go until the node is back. */
export interface Leaving {
  node: string;
  evict: SchedulablePod[];
  homeless: SchedulablePod[];
}

/** What PodDisruptionBudgets will answer to a drain's evictions. */
export function budgetFindings(leaving: Leaving, budgets: Budget[], pods: SchedulablePod[], now: number): Finding[] {
  const ready = leaving.evict.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const several = ready.flatMap((pod) => twoBudgets(pod, leaving.node, budgets));
  const single = budgets.flatMap((budget) => {
    const covered = ready.filter((pod) => covers(budget, pod));
    return covered.length > 0 ? oneBudget(budget, covered, leaving, pods, now) : [];
  });
  return [...several, ...single];
}

export function covers(budget: Budget, pod: SchedulablePod): boolean {
  return namespaceOf(budget) === namespaceOf(pod) && selects(budget.spec?.selector, pod.metadata.labels);
}

/** The eviction API does not choose between two budgets: it answers 500, again and again. */
function twoBudgets(pod: SchedulablePod, node: string, budgets: Budget[]): Finding[] {
  const names = budgets.filter((budget) => covers(budget, pod)).map(fullName);
  if (names.length < 2) return [];
  return [
    blocker({
      topic: 'budget',
      node,
      object: `pod ${fullName(pod)}`,
      expected: 'at most one PodDisruptionBudget for a pod',
      found: `${names.length}: ${names.join(', ')}; the API answers its eviction with an error`,
      remedy: 'change the selector of one of them',
    }),
  ];
}

function oneBudget(
  budget: Budget,
  covered: SchedulablePod[],
  { node, homeless }: Leaving,
  pods: SchedulablePod[],
  now: number,
): Finding[] {
  const object = `PodDisruptionBudget ${fullName(budget)}`;
  const about = { topic: 'budget', node, object } as const;
  const {
    disruptionsAllowed: allowed = 0,
    currentHealthy = 0,
    desiredHealthy = 0,
    expectedPods = 0,
  } = budget.status ?? {};
  const names = covered.map(fullName).join(', ');
  if (allowed === 0 && expectedPods <= desiredHealthy && !freesUnready(budget, covered))
    return [
      blocker({
        ...about,
        expected: `a budget that ever allows an eviction of ${names}`,
        found: `${ruleOf(budget)} with ${expectedPods} pods: it never does`,
        remedy: 'run one replica more, or loosen the budget for the rollout',
      }),
    ];
  if (allowed === 0) return [notNow(about, budget, pods, names, { currentHealthy, desiredHealthy, now })];
  const stuck = covered.filter((pod) => homeless.includes(pod));
  if (covered.length <= allowed || stuck.length < allowed) return [];
  return [
    blocker({
      ...about,
      expected: `room elsewhere for what replaces ${names}`,
      found: `it allows ${allowed} of ${covered.length} evictions at a time, and ${stuck.length} pod(s) can start nowhere else: the drain would never end`,
      remedy: 'make room on other nodes, or run fewer of these pods on this node',
    }),
  ];
}

/** Pods that are not ready may always go under unhealthyPodEvictionPolicy AlwaysAllow. */
function freesUnready({ spec }: Budget, covered: SchedulablePod[]): boolean {
  return spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' && covered.every((pod) => !isReady(pod));
}

function isReady({ status }: SchedulablePod): boolean {
  return status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') ?? false;
}

/** Waiting helps when a pod is about to be ready; it doesn't when one is broken. */
function notNow(
  about: Pick<Finding, 'topic' | 'node' | 'object'>,
  budget: Budget,
  pods: SchedulablePod[],
  names: string,
  { currentHealthy, desiredHealthy, now }: { currentHealthy: number; desiredHealthy: number; now: number },
): Finding {
  const broken = pods.filter((pod) => covers(budget, pod)).flatMap((pod) => podProblems(pod, now));
  const state = `${currentHealthy} of at least ${desiredHealthy} pods healthy: no eviction now`;
  const expected = `an eviction of ${names} allowed`;
  if (broken.length === 0)
    return warning({
      ...about,
      expected,
      found: state,
      remedy: 'the drain waits until a pod is ready again (drainTimeout)',
    });
  return blocker({ ...about, expected, found: `${state}; ${broken.join('; ')}`, remedy: 'mend these pods first' });
}

function ruleOf({ spec }: Budget): string {
  if (spec?.maxUnavailable !== undefined) return `maxUnavailable ${spec.maxUnavailable}`;
  return `minAvailable ${spec?.minAvailable ?? 1}`;
}
