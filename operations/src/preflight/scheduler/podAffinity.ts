import type { PodAffinityTerm, SchedulableNode, SchedulablePod } from '../objects.js';
import { namespaceOf, type Scene } from './scene.js';

/** InterPodAffinity: required terms of the pod, and the anti-affinity of pods that run already. */
export function keptApart(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  return (
    missesCompany(pod, node, scene) ??
    (avoids(pod, node, scene) ? 'pod anti-affinity' : undefined) ??
    (isAvoided(pod, node, scene) ? "another pod's anti-affinity" : undefined)
  );
}

function affinityOf({ spec }: SchedulablePod): PodAffinityTerm[] {
  return spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function antiAffinityOf({ spec }: SchedulablePod): PodAffinityTerm[] {
  return spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** The value of the topology key on the node that a pod runs on. */
function domainOf(pod: SchedulablePod, key: string, scene: Scene): string | undefined {
  return scene.node(pod.spec?.nodeName)?.metadata.labels?.[key];
}

/** Only pods that all terms mean together are company; the first of a group that wants its own kind may start alone. */
function missesCompany(pod: SchedulablePod, node: SchedulableNode, scene: Scene): string | undefined {
  const terms = affinityOf(pod);
  if (terms.length === 0) return undefined;
  const home = namespaceOf(pod);
  const { labels = {} } = node.metadata;
  const lacking = terms.find(({ topologyKey }) => !(topologyKey in labels));
  if (lacking) return `pod affinity: no label ${lacking.topologyKey}`;
  const company = scene.pods.filter((other) => terms.every((term) => scene.means(term, home, other)));
  const near = terms.every(({ topologyKey }) =>
    company.some((other) => domainOf(other, topologyKey, scene) === labels[topologyKey]),
  );
  if (near) return undefined;
  const alone = !company.some((other) => terms.some(({ topologyKey }) => domainOf(other, topologyKey, scene)));
  return alone && terms.every((term) => scene.means(term, home, pod)) ? undefined : 'pod affinity';
}

function avoids(pod: SchedulablePod, node: SchedulableNode, scene: Scene): boolean {
  const home = namespaceOf(pod);
  return antiAffinityOf(pod).some((term) => {
    const domain = node.metadata.labels?.[term.topologyKey];
    if (domain === undefined) return false;
    return scene.pods.some(
      (other) => domainOf(other, term.topologyKey, scene) === domain && scene.means(term, home, other),
    );
  });
}

function isAvoided(pod: SchedulablePod, node: SchedulableNode, scene: Scene): boolean {
  return scene.pods.some((other) =>
    antiAffinityOf(other).some((term) => {
      const domain = node.metadata.labels?.[term.topologyKey];
      if (domain === undefined || domainOf(other, term.topologyKey, scene) !== domain) return false;
      return scene.means(term, namespaceOf(other), pod);
    }),
  );
}
