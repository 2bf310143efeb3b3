import type { Finding } from './findings';
import type { PolicyReport } from './check';

export const CLUSTER = 'the cluster';

/** Findings by node, nodes in the order of their names; what concerns none comes first. Mandatory ones lead. */
export function byNode(findings: Finding[]): [node: string, findings: Finding[]][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const node = finding.node ?? CLUSTER;
    groups.set(node, [...(groups.get(node) ?? []), finding]);
  }
  return inOrder([...groups]).map(([node, list]) => [
    node,
    list.sort((left, right) => right.level.localeCompare(left.level)),
  ]);
}

/** By node, in the order of their names; what concerns none comes first. */
export function inOrder<T>(groups: [node: string, T][]): [node: string, T][] {
  const rank = (node: string) => (node === CLUSTER ? '' : node);
  return groups.sort(([left], [right]) => rank(left).localeCompare(rank(right), 'en', { numeric: true }));
}

/** 2 violations, 1 note; 117 resources judged, 3 judgements wait for the update. */
export function summary({ findings, unjudged, resources }: PolicyReport): string {
  const mandatory = findings.filter(({ level }) => level === 'mandatory').length;
  const waiting = unjudged.length === 0 ? '' : `, ${plural(unjudged.length, 'judgement')} left for the update`;
  return `${plural(mandatory, 'violation')}, ${plural(findings.length - mandatory, 'note')}; ${plural(resources, 'resource')} judged${waiting}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
