import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { MOUNTED_POD } from './names.js';

/**
 * Patches of a pod whose node booted: the kubelet finds a container that it had reported as running, and no runtime
 * that knows of it. It says so, counts a restart and starts it again; the pod stays in its phase, not ready.
 * @returns undefined for a pod in which nothing had run yet, or which is over.
 */
export function restartedPod(pod: V1Pod, now: Date): { metadata: object; status: object } | undefined {
  const statuses = pod.status?.containerStatuses ?? [];
  if (pod.status?.phase !== 'Running' || statuses.length === 0) return undefined;
  return {
    metadata: { metadata: { annotations: { [MOUNTED_POD]: null } } },
    status: {
      status: {
        containerStatuses: statuses.map((status) => lost(status)),
        conditions: ['Ready', 'ContainersReady'].map((type) => ({
          type,
          status: 'False',
          reason: 'ContainersNotReady',
          message: `containers with unready status: [${statuses.map((status) => status.name).join(' ')}]`,
          lastTransitionTime: now,
        })),
        // A machine that came back elsewhere has another address, and so have its pods.
        hostIP: null,
        hostIPs: null,
        podIP: null,
        podIPs: null,
      },
    },
  };
}

function lost(status: V1ContainerStatus): V1ContainerStatus {
  return {
    ...status,
    ready: false,
    started: false,
    restartCount: status.restartCount + 1,
    state: { waiting: { reason: 'ContainerCreating' } },
    lastState: {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
      },
    },
  };
}
