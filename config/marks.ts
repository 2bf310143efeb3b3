import type { ClusterPlan, NodePlan } from './plan';

/**
 * Environment variable with nodes (names, separated by commas) whose machines were upgraded in place to the release that
 * the stack file wants, for the one update that writes it down: their VMs' descriptions then name it, and no VM is replaced.
 */
export const UPGRADED_IN_PLACE = 'PROX_OPS_UPGRADED_IN_PLACE';

/**
 * Environment variable with nodes whose leaving was stopped, for the one update that puts them back: their VMs stay as
 * they are, whatever the stack file wants of them by now. Otherwise the change that made a node leave would replace its
 * VM after all.
 */
export const PUT_BACK = 'PROX_OPS_PUT_BACK';

/**
 * Environment variable with kubelets that stay at the version they run, as JSON by node, while their machines get the
 * rest of another Kubernetes: every API server is to be newer before the first kubelet is.
 */
export const KUBELETS_KEPT = 'PROX_OPS_KUBELETS_KEPT';

/** The plan with the nodes marked that an update's environment names. */
export function markNodes(plan: ClusterPlan, environment: Record<string, string | undefined>): ClusterPlan {
  const upgraded = namesIn(environment[UPGRADED_IN_PLACE]);
  const kept = namesIn(environment[PUT_BACK]);
  const kubelets = versionsIn(environment[KUBELETS_KEPT]);
  const mark = (node: NodePlan): NodePlan => ({
    ...node,
    ...(upgraded.includes(node.name) && { upgraded: true }),
    ...(kept.includes(node.name) && { kept: true }),
    ...(kubelets[node.name] !== undefined && { kubelet: kubelets[node.name] }),
  });
  return { ...plan, nodes: plan.nodes.map(mark) };
}

function versionsIn(text = '{}'): Partial<Record<string, string>> {
  return JSON.parse(text) as Partial<Record<string, string>>;
}

function namesIn(text = ''): string[] {
  return text.split(',').filter((name) => name !== '');
}
