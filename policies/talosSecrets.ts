import type { ResourceValidationPolicy } from '@pulumi/policy';

/** Losing the Talos secrets means a new cluster, even with every disk intact (R002-1). */
export const talosSecretsProtected: ResourceValidationPolicy = {
  name: 'talos-secrets-protected',
  description: 'The Talos secrets are the identity of the cluster: without protect, one destroy loses it for good.',
  enforcementLevel: 'mandatory',
  validateResource: ({ type, opts }, reportViolation) => {
    if (type !== 'talos:machine/secrets:Secrets' || opts.protect) return;
    reportViolation('Expected protect: true on the Talos secrets, found it off. Set it in components/talosSecrets.ts.');
  },
};
