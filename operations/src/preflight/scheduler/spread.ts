import type { LabelSelector, SchedulableNode, SchedulablePod, SpreadConstraint } from '../objects.js';
import { isSelected, untolerated } from './nodeFilters.js';
import { namespaceOf, type Scene } from './scene.js';
import { isEmpty, selects } from './selectors.js';

/**
 * PodTopologySpread's hard constraints. A cordoned node counts as a domain unless nodeTaintsPolicy says otherwise: while
 * a drained node stands empty it holds the minimum at zero, and pods that are spread tightly fit nowhere else.
 */
export function spreadTooFar(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  const constraints = hardConstraints(pod);
  const { labels = {} } = node.metadata;
  for (const constraint of constraints) {
    const { topologyKey, maxSkew } = constraint;
    const domain = labels[topologyKey];
    if (domain === undefined) return `spread constraint: no label ${topologyKey}`;
    const counts = countDomains(pod, constraint, constraints, scene);
    const own = selects(constraint.labelSelector, pod.metadata.labels) ? 1 : 0;
    if ((counts.get(domain) ?? 0) + own - minimum(counts, constraint) > maxSkew)
      return `spread constraint ${topologyKey}, maxSkew ${maxSkew}`;
  }
  return undefined;
}

function hardConstraints({ spec, metadata }: SchedulablePod): SpreadConstraint[] {
  return (spec?.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule')
    .map((constraint) => ({ ...constraint, labelSelector: completed(constraint, metadata.labels ?? {}) }));
}

/** matchLabelKeys asks for the pod's own values of some labels; newer API servers have merged them in already. */
function completed(
  { labelSelector, matchLabelKeys = [] }: SpreadConstraint,
  labels: Record<string, string>,
): LabelSelector {
  // No selector means no pod.
  if (!labelSelector) return { matchExpressions: [{ key: '', operator: 'In', values: [] }] };
  const own = matchLabelKeys.flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator: 'In', values: [value] }];
  });
  return { ...labelSelector, matchExpressions: [...(labelSelector.matchExpressions ?? []), ...own] };
}

function countDomains(
  pod: SchedulablePod,
  constraint: SpreadConstraint,
  all: SpreadConstraint[],
  scene: Scene,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of scene.nodes) {
    const { labels = {}, name } = node.metadata;
    if (!all.every(({ topologyKey }) => topologyKey in labels)) continue;
    if (!counted(pod, constraint, node)) continue;
    const domain = labels[constraint.topologyKey] ?? '';
    counts.set(domain, (counts.get(domain) ?? 0) + matching(constraint, namespaceOf(pod), scene.podsOn(name)));
  }
  return counts;
}

function counted(pod: SchedulablePod, constraint: SpreadConstraint, node: SchedulableNode): boolean {
  const { nodeAffinityPolicy = 'Honor', nodeTaintsPolicy = 'Ignore' } = constraint;
  if (nodeAffinityPolicy === 'Honor' && !isSelected(pod, node)) return false;
  return nodeTaintsPolicy !== 'Honor' || untolerated(pod, node) === undefined;
}

function matching({ labelSelector }: SpreadConstraint, namespace: string, pods: SchedulablePod[]): number {
  if (!labelSelector || isEmpty(labelSelector)) return 0;
  return pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      namespaceOf(pod) === namespace &&
      selects(labelSelector, pod.metadata.labels),
  ).length;
}

function minimum(counts: Map<string, number>, { minDomains = 1 }: SpreadConstraint): number {
  return counts.size < minDomains ? 0 : Math.min(...counts.values());
}
