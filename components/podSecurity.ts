import { AWAITS_TURN } from '@prox-ops/operations';

/** User of every container of ours: GitHub's runner image has this one, and the driver's image follows it. */
const USER = 1001;

/** A pod that Kubernetes' strictest standard admits. */
export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: USER,
  fsGroup: USER,
  seccompProfile: { type: 'RuntimeDefault' },
};

export const CONTAINER_SECURITY = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** Room on the node's disk for what a container writes. */
export function scratch(name: string, sizeLimit: string) {
  return { name, emptyDir: { sizeLimit } };
}

export function resources(cpu: string, memory: string, limits: { cpu: string; memory: string }) {
  return { requests: { cpu, memory }, limits };
}

/**
 * Keeps the driver's pods off a node that is about to be replaced, and off control planes, whose turns come first.
 * Required: on the same node again, the run could only stop again.
 */
export const OFF_NODES_IN_TURN = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        {
          matchExpressions: [
            { key: AWAITS_TURN, operator: 'DoesNotExist' },
            { key: 'node-role.kubernetes.io/control-plane', operator: 'DoesNotExist' },
          ],
        },
      ],
    },
  },
};

/** Environment of a driver in the cluster: its own service account, and the node whose turn it must not begin. */
export const DRIVER_ENVIRONMENT = [
  { name: 'PROX_OPS_KUBECONFIG', value: 'in-cluster' },
  { name: 'PROX_OPS_NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
];
