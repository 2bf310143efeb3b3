import { createHash } from 'node:crypto';
import type { V1Node, V1Pod } from '@kubernetes/client-node';
import type { Machine } from '../world/world.js';

/** The control plane's static pods on one node, as Talos runs them (etcd is a service of Talos and no pod). */
const COMPONENTS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const MIRROR = 'kubernetes.io/config.mirror';

/** The mirror pods that a control plane's kubelet makes in the API, so that its static pods are seen there. */
export function mirrorPods(machine: Machine, node: V1Node, seen: Date): V1Pod[] {
  return machine.role === 'controlplane' ? COMPONENTS.map((name) => mirrorPod(name, machine, node, seen)) : [];
}

/** Whether a mirror pod shows another static pod than the machine runs now: its kubelet then puts a new one in its place. */
export function isOutdated(pod: V1Pod, now: V1Pod): boolean {
  return pod.metadata?.annotations?.[MIRROR] !== now.metadata?.annotations?.[MIRROR];
}

export function isMirrorPod(pod: V1Pod): boolean {
  return pod.metadata?.annotations?.[MIRROR] !== undefined;
}

function mirrorPod(component: string, machine: Machine, node: V1Node, seen: Date): V1Pod {
  const version = machine.staticPods;
  const hash = createHash('md5').update(`${component} ${machine.node} ${version}`).digest('hex');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${component}-${machine.node}`,
      namespace: 'kube-system',
      labels: { 'k8s-app': component, tier: 'control-plane', 'talos.dev/component': component },
      annotations: {
        [MIRROR]: hash,
        'kubernetes.io/config.hash': hash,
        'kubernetes.io/config.seen': seen.toISOString(),
        'kubernetes.io/config.source': 'file',
        'talos.dev/config-version': '1',
      },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Node', name: machine.node, uid: node.metadata!.uid!, controller: true },
      ],
    },
    spec: {
      nodeName: machine.node,
      hostNetwork: true,
      priorityClassName: 'system-cluster-critical',
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      containers: [
        {
          name: component,
          image: `registry.k8s.io/${component}:${version}`,
          resources: { requests: { cpu: '100m', memory: '128Mi' } },
        },
      ],
    },
  };
}
