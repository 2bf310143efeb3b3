import type { Conditioned, EndpointSlice } from '../clients/kubernetesObjects.js';
import { skipped, verdict, type Check } from './check.js';

const NAMESPACE = 'kube-system';
/** CoreDNS carries kube-dns' label and service name. */
const SELECTOR = 'k8s-app=kube-dns';

export const dnsCheck: Check = {
  id: 'dns',
  describe: 'CoreDNS is available and its service has endpoints',
  how: 'Kubernetes: Deployment and EndpointSlices of kube-dns in kube-system',
  excusable: true,
  run: async ({ session }) => {
    const query = { labelSelector: SELECTOR };
    const [deployments, slices] = await Promise.all([
      session.kubernetes.list<Conditioned>(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, query),
      session.kubernetes.list<EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`, {
        labelSelector: 'kubernetes.io/service-name=kube-dns',
      }),
    ]);
    if (!deployments || deployments.length === 0) return skipped(`no Deployment with ${SELECTOR}`);
    const problems = deployments.flatMap(({ metadata, spec, status }) => {
      const available = status?.availableReplicas ?? 0;
      const wanted = spec?.replicas ?? 1;
      const text = `${metadata.name}: ${available} of ${wanted} replicas available`;
      return available < wanted ? [{ key: metadata.name, text }] : [];
    });
    const endpoints = (slices ?? [])
      .flatMap((slice) => slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false);
    if (endpoints.length === 0) problems.push({ key: 'endpoints', text: 'the service kube-dns has no endpoint' });
    return verdict(problems, 'CoreDNS available', `${endpoints.length} endpoints`);
  },
};
