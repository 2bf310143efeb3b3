import { resourcePolicy } from './support/define';
import { TALOS_SECRETS } from './support/types';

/** Losing the Talos secrets means a new cluster, even with every disk intact (R002-1). */
export const talosSecretsProtected = resourcePolicy(
  {
    name: 'talos-secrets-protected',
    description: 'The Talos secrets are the identity of the cluster: without protect, one destroy loses it for good.',
  },
  [TALOS_SECRETS],
  ({ resource, report }) => {
    if (resource.opts.protect) return;
    report('Expected protect: true on the Talos secrets, found it off. Set it in components/talosSecrets.ts.');
  },
);
