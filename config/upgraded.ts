import type { ClusterPlan } from './plan';

/**
 * Environment variable with nodes (names, separated by commas) whose machines were upgraded in place to the release that
 * the stack file wants, for the one update that writes it down: their VMs' descriptions then name it, and no VM is replaced.
 */
export const UPGRADED_IN_PLACE = 'PROX_OPS_UPGRADED_IN_PLACE';

/** The plan with those nodes marked. */
export function markUpgraded(plan: ClusterPlan, text: string | undefined): ClusterPlan {
  if (text === undefined || text === '') return plan;
  const names = text.split(',');
  const nodes = plan.nodes.map((node) => (names.includes(node.name) ? { ...node, upgraded: true as const } : node));
  return { ...plan, nodes };
}
