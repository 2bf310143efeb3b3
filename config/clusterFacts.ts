import type { ClusterPlan, NodePlan } from './plan';
import type { StackConfig } from './schema';

/** What manifests may want to know of the cluster: names that Flux takes for variables, values that are text. No secrets. */
export function clusterFacts({ cluster, releases, linstor }: StackConfig, plan: ClusterPlan): Record<string, string> {
  const release = releases[releases.active];
  const names = (of: (node: NodePlan) => boolean) => plan.nodes.filter(of).map(({ name }) => name);
  const lists = {
    NODES: names(() => true),
    CONTROL_PLANES: names(({ role }) => role === 'controlplane'),
    WORKERS: names(({ role }) => role === 'worker'),
    GPU_NODES: names(({ variant }) => variant === 'gpu'),
    STORAGE_NODES: names(({ satellite }) => satellite),
  };
  const entries = Object.entries(lists);
  return {
    CLUSTER_NAME: cluster.name,
    CLUSTER_ENDPOINT: plan.endpoint,
    CLUSTER_VIP: cluster.vip,
    POD_SUBNET: cluster.podSubnets.join(','),
    SERVICE_SUBNET: cluster.serviceSubnets.join(','),
    ...(release && { TALOS_VERSION: release.talos, KUBERNETES_VERSION: release.kubernetes }),
    ...Object.fromEntries(entries.map(([name, nodes]) => [`CLUSTER_${name}`, nodes.join(',')])),
    ...Object.fromEntries(entries.map(([name, nodes]) => [`CLUSTER_${name}_COUNT`, `${nodes.length}`])),
    ...(linstor && {
      LINSTOR_NAMESPACE: linstor.namespace,
      LINSTOR_STORAGE_POOL: linstor.storagePool,
      LINSTOR_PLACE_COUNT: `${linstor.placeCount}`,
    }),
  };
}
