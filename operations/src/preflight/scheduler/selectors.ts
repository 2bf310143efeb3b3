import type { LabelSelector, NodeSelectorTerm, Requirement, SchedulableNode } from '../objects.js';

type Labels = Readonly<Record<string, string>>;

/** A label selector as pods and namespaces are chosen by it. Absent: nothing; empty: everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels = {}): boolean {
  if (!selector) return false;
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (selector.matchExpressions ?? []).every((requirement) => meets(requirement, labels));
}

export function isEmpty(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** One requirement on labels. Unknown operators match nothing. */
export function meets({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return compares(value, values[0], (a, b) => a > b);
    case 'Lt':
      return compares(value, values[0], (a, b) => a < b);
    default:
      return false;
  }
}

function compares(left: string | undefined, right: string | undefined, holds: (a: bigint, b: bigint) => boolean) {
  const whole = /^[+-]?\d+$/;
  return left !== undefined && right !== undefined && whole.test(left) && whole.test(right)
    ? holds(BigInt(left), BigInt(right))
    : false;
}

/** Any of the terms; a term without requirements matches no node, and so do no terms. */
export function matchesTerms(terms: NodeSelectorTerm[], node: SchedulableNode): boolean {
  const { labels = {}, name } = node.metadata;
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const fields = matchFields.every((field) => meets(field, { 'metadata.name': name }));
    return fields && matchExpressions.every((requirement) => meets(requirement, labels));
  });
}
