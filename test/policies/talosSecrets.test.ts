import { talosSecretsProtected } from '../../policies/talosSecrets';
import { changed, cluster, described } from '../support/policy-cluster';
import { testPolicy } from '../support/policy-cases';
import { UNKNOWN } from '../support/policies';

describe('policies/talosSecrets', () => {
  testPolicy(
    talosSecretsProtected,
    ({ passes, fails }) => {
      passes('protected secrets', cluster);
      passes('protected, though their version is unknown', () =>
        changed(cluster(), 'prox-ops-secrets', { props: { talosVersion: UNKNOWN.text } }),
      );
      fails(
        'secrets that a destroy would take',
        () => changed(cluster(), 'prox-ops-secrets', { protect: false }),
        /Expected protect: true on the Talos secrets, found it off\. Set it in components\/talosSecrets\.ts/,
      );
      fails(
        'unprotected and unknown',
        () => [described('talos:machine/secrets:Secrets', 's', { talosVersion: UNKNOWN.text })],
        /Expected protect: true/,
      );
    },
    'options',
  );
});
