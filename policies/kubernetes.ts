import { excuse, type Exception } from '../config/exceptions';
import { resourcePolicy } from './support/define';
import { exceptionsSchema } from './support/exceptionsSchema';

const RBAC = 'kubernetes:rbac.authorization.k8s.io/v1:';

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  verbs?: string[];
  nonResourceURLs?: string[];
}

export const rbacWithoutWildcards = resourcePolicy(
  {
    name: 'rbac-without-wildcards',
    description: 'A wildcard also grants what is installed tomorrow: secrets, nodes and the right to grant more.',
  },
  [`${RBAC}Role`, `${RBAC}ClusterRole`, `${RBAC}RoleBinding`, `${RBAC}ClusterRoleBinding`],
  ({ resource, unknowns, report }) => {
    unknowns.attempt(() => {
      const role = resource.props.roleRef as { name?: string } | undefined;
      if (role?.name === 'cluster-admin')
        report(`${resource.name}: expected a role of its own, found cluster-admin. Name what it needs.`);
    });
    unknowns.each(Array.from((resource.props.rules ?? []) as Rule[]).entries(), ([index, rule]) => {
      for (const field of ['apiGroups', 'resources', 'verbs', 'nonResourceURLs'] as const)
        if (rule[field]?.includes('*'))
          report(`${resource.name}: rules[${index}].${field}: expected names, found *. Name what it needs.`);
    });
  },
);

interface Container {
  name?: string;
  securityContext?: {
    runAsNonRoot?: boolean;
    runAsUser?: number;
    privileged?: boolean;
    allowPrivilegeEscalation?: boolean;
  };
  resources?: { limits?: Record<string, string> };
}

interface PodSpec {
  securityContext?: { runAsNonRoot?: boolean; runAsUser?: number };
  containers?: Container[];
  initContainers?: Container[];
}

type Template = { spec?: PodSpec };

const WORKLOADS = [
  'kubernetes:core/v1:Pod',
  'kubernetes:apps/v1:Deployment',
  'kubernetes:apps/v1:DaemonSet',
  'kubernetes:apps/v1:StatefulSet',
  'kubernetes:apps/v1:ReplicaSet',
  'kubernetes:batch/v1:Job',
  'kubernetes:batch/v1:CronJob',
  'kubernetes:actions.github.com/v1alpha1:AutoscalingRunnerSet',
  'kubernetes:argoproj.io/v1alpha1:WorkflowTemplate',
];

/** The pods that a workload makes. */
function podSpec(props: Record<string, unknown>): PodSpec {
  const spec = (props.spec ?? {}) as PodSpec & {
    template?: Template;
    jobTemplate?: { spec?: { template?: Template } };
    templates?: { container?: Container }[];
  };
  // A workflow's templates share their pods' context, which stands beside them.
  const { securityContext, templates } = spec;
  if (templates)
    return { ...(securityContext && { securityContext }), containers: Array.from(templates).flatMap(containerOf) };
  return spec.jobTemplate?.spec?.template?.spec ?? spec.template?.spec ?? spec;
}

function containerOf({ container }: { container?: Container }): Container[] {
  return container ? [container] : [];
}

function containers(pod: PodSpec): Container[] {
  return [...Array.from(pod.initContainers ?? []), ...Array.from(pod.containers ?? [])];
}

/** A policy on every container of a workload. */
function containerPolicy(
  name: string,
  description: string,
  problem: (container: Container, pod: PodSpec) => string | undefined,
) {
  const config = { properties: { exceptions: exceptionsSchema } };
  return resourcePolicy({ name, description, config }, WORKLOADS, ({ resource, unknowns, report }) => {
    const { exceptions } = resource.getConfig<{ exceptions?: Exception[] }>();
    const pod = podSpec(resource.props);
    unknowns.each(containers(pod), (container) => {
      const found = problem(container, pod);
      const verdict = excuse(exceptions, resource.name);
      if (found === undefined || verdict.excused) return;
      report(
        `${resource.name}: container ${container.name ?? '?'}: ${found} (${verdict.hint}). Set it in the pod's template.`,
      );
    });
  });
}

export const workloadsNonRoot = containerPolicy(
  'workloads-non-root',
  'A container that runs as root is one kernel bug away from the node and its disks.',
  ({ securityContext: own }, { securityContext: pod }) => {
    if (own?.privileged === true) return 'expected no privileged container, found privileged: true';
    if ((own?.runAsUser ?? pod?.runAsUser) === 0) return 'expected a user other than root, found runAsUser: 0';
    if ((own?.runAsNonRoot ?? pod?.runAsNonRoot) !== true) return 'expected runAsNonRoot: true, found it off';
    if (own?.allowPrivilegeEscalation !== false) return 'expected allowPrivilegeEscalation: false, found it on';
    return undefined;
  },
);

export const workloadsWithLimits = containerPolicy(
  'workloads-with-limits',
  'A container without limits takes the node’s memory, and the kernel then kills whichever pod it likes.',
  ({ resources }) => {
    const missing = ['cpu', 'memory'].filter((name) => resources?.limits?.[name] === undefined);
    return missing.length === 0 ? undefined : `expected resources.limits for ${missing.join(' and ')}, found none`;
  },
);
