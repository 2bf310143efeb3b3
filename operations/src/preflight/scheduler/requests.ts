import type { Container, SchedulablePod } from '../objects.js';
import { quantity } from './quantity.js';

/** Amounts by resource: CPU in thousandths of a core, everything else in units. */
export type Amounts = Record<string, number>;

/** Requests that a pod may give as a whole, instead of container by container. */
const POD_LEVEL = /^(cpu|memory|hugepages-.*)$/;

const known = new WeakMap<SchedulablePod, Amounts>();

/**
 * What a pod asks of a node: its containers together, or more while it starts if an init container asks for more;
 * init containers that stay (sidecars) count on both sides. Source: k8s.io/component-helpers/resource PodRequests.
 */
export function requestsOf(pod: SchedulablePod): Amounts {
  const found = known.get(pod) ?? compute(pod);
  known.set(pod, found);
  return found;
}

function compute({ spec = {} }: SchedulablePod): Amounts {
  const running: Amounts = {};
  for (const container of spec.containers ?? []) add(running, amountsOf(container));
  const sidecars: Amounts = {};
  const starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container);
    if (container.restartPolicy === 'Always') {
      add(running, own);
      add(sidecars, own);
      raise(starting, sidecars);
    } else {
      raise(starting, add({ ...sidecars }, own));
    }
  }
  raise(running, starting);
  for (const [resource, text] of Object.entries(spec.resources?.requests ?? {}))
    if (POD_LEVEL.test(resource)) running[resource] = quantity(resource, text);
  return add(running, amounts(spec.overhead));
}

function amountsOf({ resources }: Container): Amounts {
  return amounts(resources?.requests);
}

export function amounts(texts: Record<string, string> = {}): Amounts {
  return Object.fromEntries(Object.entries(texts).map(([resource, text]) => [resource, quantity(resource, text)]));
}

function add(sum: Amounts, more: Amounts): Amounts {
  for (const [resource, amount] of Object.entries(more)) sum[resource] = (sum[resource] ?? 0) + amount;
  return sum;
}

function raise(sum: Amounts, other: Amounts): void {
  for (const [resource, amount] of Object.entries(other)) sum[resource] = Math.max(sum[resource] ?? 0, amount);
}
