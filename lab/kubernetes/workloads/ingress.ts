import { INGRESS, WEB } from '../names.js';
import type { CustomObject } from './operators.js';

/** The web workload outside of the cluster, as an ingress controller has published it. */
export function ingress({ address, port }: { address: string; port: number }): CustomObject {
  const backend = { service: { name: WEB.name, port: { number: 8080 } } };
  return {
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: WEB.name, namespace: WEB.namespace },
      spec: { rules: [{ host: INGRESS.host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
    },
    status: { loadBalancer: { ingress: [{ ip: address, ports: [{ port, protocol: 'TCP' }] }] } },
  };
}
