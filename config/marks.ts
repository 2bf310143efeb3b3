import type { ClusterPlan, NodePlan, NodeTarget } from './plan';

/**
 * Environment variable with nodes (names, separated by commas) whose machines were upgraded in place to the release that
 * the stack file wants, for the one update that writes it down: their VMs' descriptions then name it, and no VM is replaced.
 */
export const UPGRADED_IN_PLACE = 'PROX_OPS_UPGRADED_IN_PLACE';

/**
 * Environment variable with nodes whose leaving was stopped, for the one update that puts them back, as JSON by name: how
 * each stands. Their VMs stay as they are, whatever the stack file wants of them by now, and are reached where they are;
 * otherwise the change that made a node leave would replace its VM after all, or be looked for at an address to come.
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
  const kept = byName<NodeTarget>(environment[PUT_BACK]);
  const kubelets = byName<string>(environment[KUBELETS_KEPT]);
  const mark = (node: NodePlan): NodePlan => ({
    ...node,
    ...(upgraded.includes(node.name) && { upgraded: true }),
    ...(kept[node.name] !== undefined && { kept: kept[node.name] }),
    ...(kubelets[node.name] !== undefined && { kubelet: kubelets[node.name] }),
  });
  const controlPlanes = plan.controlPlanes.map(mark);
  return { ...plan, nodes: plan.nodes.map(mark), controlPlanes };
}

function byName<T>(text = '{}'): Partial<Record<string, T>> {
  return JSON.parse(text) as Partial<Record<string, T>>;
}

function namesIn(text = ''): string[] {
  return text.split(',').filter((name) => name !== '');
}
