import { bootConfiguration } from './bootConfiguration';
import type { ClusterPlan, NodePlan } from './plan';
import type { StackConfig } from './schema';

/** Label of the objects that tell a cluster what its machines are to be. */
export const TEMPLATE_LABEL = 'prox-ops.io/template';

/** Argo CD's: lower waves are there before higher ones begin. */
const SYNC_WAVE = 'argocd.argoproj.io/sync-wave';

export interface ReleaseTemplate {
  apiVersion: 'v1';
  kind: 'ConfigMap';
  metadata: {
    name: string;
    namespace: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
  data: Record<string, string>;
}

/**
 * What the machines of a cluster are to be, as objects for a GitOps tool: templates first, then workers, then control
 * planes, whose change starts a rollout (R000-8). Every fact that replaces a machine is in the one of its role, and no
 * other: a change of the workers alone leaves the control planes' as it is.
 */
export function releaseTemplates(config: StackConfig, plan: ClusterPlan, namespace: string): ReleaseTemplate[] {
  const object = (kind: string, wave: number, data: Record<string, string>): ReleaseTemplate => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: `${config.cluster.name}-${kind}`,
      namespace,
      labels: { [TEMPLATE_LABEL]: kind, 'prox-ops.io/cluster': config.cluster.name },
      annotations: { [SYNC_WAVE]: `${wave}` },
    },
    data,
  });
  const ofRole = (role: NodePlan['role']) => machines(config, plan, role);
  return [
    object('machine', -2, templates(plan)),
    object('worker', -1, ofRole('worker')),
    object('controlplane', 0, ofRole('controlplane')),
  ];
}

function templates(plan: ClusterPlan): Record<string, string> {
  return Object.fromEntries(plan.templates.map(({ key, name, vmId }) => [key, `${name} (${vmId})`]));
}

function machines(config: StackConfig, plan: ClusterPlan, role: NodePlan['role']): Record<string, string> {
  const nodes = plan.nodes.filter((node) => node.role === role);
  const variants = [...new Set(nodes.map(({ variant }) => variant))].sort();
  const extensions = variants.map((variant) => [
    `extensions.${variant}`,
    [...config.talos.extensions[variant]].sort().join(','),
  ]);
  const described = nodes.map((node) => {
    const { release, host, vmId, pci, hardware } = node;
    const boot = bootConfiguration(config, node);
    const machine = { ...release, host, vmId, pci, ...hardware, ...(boot !== undefined && { boot }) };
    return [node.name, JSON.stringify(sorted(machine))];
  });
  return Object.fromEntries([...extensions, ...described]) as Record<string, string>;
}

function sorted<T extends object>(value: T): object {
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}
