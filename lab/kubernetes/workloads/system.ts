import {
  budget,
  daemonSet,
  deployment,
  EVERYWHERE,
  ON_CONTROL_PLANES,
  ratherApart,
  service,
  type Manifest,
} from './manifest.js';
import { spread, type Shape } from './cluster-shape.js';

/** What makes a bare Talos cluster usable: network plugin and cluster DNS. */
export function systemWorkloads(shape: Shape): Manifest[] {
  return [...network(shape), ...dns()];
}

function network(shape: Shape): Manifest[] {
  return [
    daemonSet({
      name: 'cilium',
      namespace: 'kube-system',
      image: 'quay.io/cilium/cilium:v1.18.3',
      labels: { 'k8s-app': 'cilium' },
      pod: { hostNetwork: true, priorityClassName: 'system-node-critical', tolerations: EVERYWHERE },
    }),
    deployment({
      name: 'cilium-operator',
      namespace: 'kube-system',
      image: 'quay.io/cilium/operator-generic:v1.18.3',
      replicas: spread(shape, 2),
      pod: {
        hostNetwork: true,
        priorityClassName: 'system-cluster-critical',
        topologySpreadConstraints: ratherApart('cilium-operator'),
      },
    }),
  ];
}

/** As Talos deploys it, with a budget added: with both replicas on one node, a drain has to take them one by one. */
function dns(): Manifest[] {
  return [
    deployment({
      name: 'coredns',
      namespace: 'kube-system',
      image: 'registry.k8s.io/coredns/coredns:v1.12.4',
      replicas: 2,
      labels: { 'k8s-app': 'kube-dns' },
      pod: {
        priorityClassName: 'system-cluster-critical',
        tolerations: ON_CONTROL_PLANES,
        topologySpreadConstraints: ratherApart('coredns'),
      },
      spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } },
    }),
    budget('coredns', 'kube-system', { minAvailable: 1 }),
    { ...service('coredns', 'kube-system', 53), metadata: { name: 'kube-dns', namespace: 'kube-system' } },
  ];
}
