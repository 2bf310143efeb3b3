import type { SchedulableNode, SchedulablePod } from '../objects.js';
import { cordoned, portTaken, selectedAway, tainted, tooSmall, type Filter } from './nodeFilters.js';
import { keptApart } from './podAffinity.js';
import type { Scene } from './scene.js';
import { spreadTooFar } from './spread.js';
import { volumesElsewhere } from './volumeFilters.js';

/**
 * kube-scheduler's default filters, in its own order (Kubernetes v1.30 to v1.36). It has no API to be asked, so its
 * documented rules are written down here, and a test compares them with the real scheduler's answers.
 * Not judged: dynamic resource claims, scheduler extenders, other schedulers' pods, and preemption.
 */
const FILTERS: Filter[] = [
  cordoned,
  tainted,
  selectedAway,
  portTaken,
  tooSmall,
  volumesElsewhere,
  spreadTooFar,
  keptApart,
];

/** Why the pod can't be placed on the node; undefined when it can. The pod itself must not be in the scene. */
export function whyNot(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  for (const filter of FILTERS) {
    const why = filter(pod, node, scene);
    if (why !== undefined) return why;
  }
  return undefined;
}

export interface Fit {
  /** Names of nodes that could take the pod. */
  nodes: string[];
  /** Why the others can't: reasons with the number of nodes, the commonest first. */
  why: string;
}

export function fitOf(pod: SchedulablePod, scene: Scene): Fit {
  const nodes: string[] = [];
  const reasons = new Map<string, number>();
  for (const node of scene.nodes) {
    const why = whyNot(pod, node, scene);
    if (why === undefined) nodes.push(node.metadata.name);
    else reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  const told = [...reasons]
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `${count} of ${scene.nodes.length}: ${why}`);
  return { nodes, why: told.join('; ') };
}
