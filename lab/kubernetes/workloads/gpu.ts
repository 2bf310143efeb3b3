import { DEVICE_PLUGIN, GPU_RESOURCE } from '../names.js';
import type { Shape } from './cluster-shape.js';
import { daemonSet, deployment, namespace, type Manifest } from './manifest.js';

/** The device plugin, and for each GPU node a workload that can run nowhere else. */
export function gpuWorkloads({ gpuNodes }: Shape): Manifest[] {
  if (gpuNodes.length === 0) return [];
  return [
    namespace('ai'),
    daemonSet({
      name: DEVICE_PLUGIN.value,
      namespace: 'kube-system',
      image: 'nvcr.io/nvidia/k8s-device-plugin:v0.18.0',
      pod: {
        priorityClassName: 'system-node-critical',
        nodeSelector: { 'nvidia.com/gpu.present': 'true' },
        tolerations: [{ key: GPU_RESOURCE, operator: 'Exists', effect: 'NoSchedule' }],
      },
    }),
    ...gpuNodes.map(pinned),
  ];
}

function pinned(node: string): Manifest {
  return deployment({
    name: `inference-${node}`,
    namespace: 'ai',
    image: 'ghcr.io/example/inference:5.0.3',
    pod: { nodeSelector: { 'kubernetes.io/hostname': node } },
    container: { resources: { limits: { [GPU_RESOURCE]: '1' } } },
    // There is no second card for a successor that starts first.
    spec: { strategy: { type: 'Recreate' } },
  });
}
