import { noInsecureOptions, proxmoxNoRootPassword, proxmoxTlsVerified } from '../../policies/proxmoxAccess';
import { secret, UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, described, withProps } from '../support/policy-cluster';

const provider = (props: Record<string, unknown>) => withProps(cluster(), 'proxmox', props);
const one = (props: object, type = 'command:local:Command') => [described(type, 'thing', props)];

describe('policies/proxmoxAccess', () => {
  testPolicy(proxmoxTlsVerified, ({ passes, fails, unjudged }) => {
    passes('verified', cluster);
    fails('not said', () => provider({ insecure: undefined }), /found that PROXMOX_VE_INSECURE decides\. Change/);
    fails(
      'insecure, as the engine writes it',
      () => provider({ insecure: 'true' }),
      /proxmox: expected insecure: false, found insecure: true\. Change the provider/,
    );
    fails('insecure', () => provider({ insecure: true }), /found insecure: true/);
    fails('http', () => provider({ endpoint: 'http://10.20.66.10:8006' }), /expected an https endpoint, found http:/);
    fails('no endpoint', () => provider({ endpoint: undefined }), /found none/);
    unjudged('insecure, over http', () => provider({ insecure: UNKNOWN.boolean, endpoint: 'http://x' }), /insecure/, [
      /https/,
    ]);
    unjudged('the endpoint', () => provider({ endpoint: UNKNOWN.text }), /endpoint/);
  });

  testPolicy(proxmoxNoRootPassword, ({ passes, fails, unjudged }) => {
    passes('an API token', cluster);
    fails(
      'a password',
      () => provider({ username: 'root@pam', password: secret('x'), apiToken: undefined }),
      /proxmox: expected an API token, found a password of root@pam/,
    );
    fails('somebody’s password', () => provider({ password: secret('x') }), /found a password of somebody/);
    fails('root without a password', () => provider({ username: 'root@pam' }), /found the user root@pam/);
    unjudged('the password', () => provider({ password: UNKNOWN.text, username: 'root@pam' }), /password/, [
      /root@pam/,
    ]);
  });

  testPolicy(noInsecureOptions, ({ passes, fails, unjudged }) => {
    passes('the cluster', cluster);
    passes('switched off', () => one({ insecure: false, insecureSkipVerify: 'false', insecureNote: true }));
    for (const option of ['insecure', 'insecureSkipVerify', 'insecure-skip-tls-verify', 'skipTlsVerify'])
      fails(
        option,
        () => one({ a: { [option]: true } }),
        /thing: a\.\S+: expected a verified connection, found verification/,
      );
    fails('as a text', () => one({ insecure: 'true' }), /thing: insecure/);
    fails(
      'in a kubeconfig',
      () => one({ kubeconfig: 'clusters:\n- cluster: {insecure-skip-tls-verify: true}' }),
      /thing: kubeconfig/,
    );
    fails('curl -k', () => one({ create: 'curl -s -k https://x' }), /thing: create/);
    fails('an argument', () => one({ create: 'kubectl --insecure-skip-tls-verify get nodes' }), /thing: create/);
    passes('an argument of that name elsewhere', () => one({ create: 'talosctl --nodes x get insecurely -k' }));
    unjudged(
      'one option, while another is on',
      () => one({ insecure: UNKNOWN.boolean, skipVerify: true }),
      /insecure/,
      [/skipVerify/],
    );
  });
});
