import type { StackConfig } from '../../../config/schema';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** All that automation can make, with the defaults of the stack file. */
export const AUTOMATION: Required<StackConfig['automation']> = {
  runners: {
    configUrl: 'https://git.example.net/example/cluster',
    image: `registry.example.net/prox-ops-runner:v1@${DIGEST}`,
    scaleSet: 'prox-ops',
    minimum: 2,
    maximum: 5,
    secretStore: { name: 'vault', kind: 'ClusterSecretStore' },
    secretKey: 'prox-ops/app',
  },
  trigger: {
    namespace: 'argo',
    image: `registry.example.net/prox-ops:v1@${DIGEST}`,
    repository: 'https://git.example.net/example/cluster.git',
    revision: 'main',
    privateRepository: false,
    stack: 'prod',
    secretStore: { name: 'vault', kind: 'ClusterSecretStore' },
    secretKey: 'prox-ops/driver',
  },
  flux: { namespace: 'flux-system', facts: true },
};
