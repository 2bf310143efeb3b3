interface PolicySpec {
  podSelector: { matchLabels?: Record<string, string> };
  policyTypes: string[];
  egress?: object[];
}

const DNS = {
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};

/**
 * Without a peer: the API server, the nodes and Proxmox are no pods, and Cilium takes an ipBlock for addresses outside
 * the cluster alone. A rule that named their addresses would let nothing through.
 */
function toPorts(...ports: number[]): object {
  return { ports: ports.map((port) => ({ protocol: 'TCP', port })) };
}

const HTTPS = 443;
const KUBERNETES = 6443;
const TALOS = 50_000;
const PROXMOX = 8006;
const LINSTOR = [3370, 3371];

/** Nothing comes in. Out: names, GitHub and the API server; a runner also reaches what its rollout works on. */
export function runnerPolicies(): { name: string; spec: PolicySpec }[] {
  return [
    {
      name: 'default',
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        egress: [DNS, toPorts(HTTPS, KUBERNETES)],
      },
    },
    {
      name: 'runners',
      spec: {
        podSelector: { matchLabels: { 'app.kubernetes.io/component': 'runner' } },
        policyTypes: ['Egress'],
        egress: [toPorts(TALOS, PROXMOX, ...LINSTOR)],
      },
    },
  ];
}
