import assert from 'node:assert/strict';
import { noPlaintextSecrets, secretMarks } from '../../policies/plaintext';
import { secretIn, shannon } from '../../policies/support/secretScan';
import { judge, secret, UNKNOWN } from '../support/policies';
import { testPolicy } from '../support/policy-cases';
import { cluster, described } from '../support/policy-cluster';

const one = (props: object) => [described('command:local:Command', 'thing', props)];
const PEM = `-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----`;
/** Made here, so that no scanner takes this file for a leak. */
const RANDOM = ['q7Zk2mXv', 'B9tLw4Rc', 'H6nYp1Ds', 'F8gKj3Ae'].join('');

const SECRETS: [string, object, string][] = [
  ['a private key', { text: PEM }, 'a private key'],
  ['a private key in base64', { text: Buffer.from(PEM).toString('base64') }, 'a private key \\(base64\\)'],
  ['a kubeconfig', { text: 'users:\n- user:\n    client-key-data: LS0t' }, 'a kubeconfig'],
  ['a talosconfig', { text: 'contexts:\n  a:\n    key: LS0tabc' }, 'a talosconfig'],
  ['a JSON Web Token', { text: `eyJhbGciOiJI.eyJzdWIiOiIx.${'a'.repeat(20)}` }, 'a JSON Web Token'],
  ['a Proxmox token', { text: 'a@pve!b=12345678-1234-1234-1234-123456789abc' }, 'a Proxmox API token'],
  ['an age key', { text: `AGE-SECRET-KEY-1${'QZ3'.repeat(10)}` }, 'an age key'],
  ['a webhook', { text: 'https://x.example/api/webhooks/12345/abcdefghijkl' }, 'a webhook with its secret'],
  ['an AWS key', { text: `AKIA${'A1B2'.repeat(4)}` }, 'an AWS access key'],
  ['a GitHub token', { text: `ghp_${'aB3d'.repeat(9)}` }, 'a GitHub token'],
  ['a Slack token', { text: 'xoxb-1234567890-abc' }, 'a Slack token'],
  ['a bootstrap token', { text: 'abcdef.0123456789abcdef' }, 'a bootstrap token'],
  ['credentials in a URL', { text: 'https://user:hunter2@x.example/' }, 'credentials in a URL'],
  ['a password by its name', { environment: { DB_PASSWORD: 'tea' } }, 'a value named DB_PASSWORD'],
  ['a random text', { text: RANDOM }, 'a random text'],
];

const HARMLESS = [
  'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
  '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba',
  'urn:pulumi:prod::prox-ops::prox-ops:node:TalosNode::k8s-work-1',
  'factory.talos.dev/nocloud-installer/376567988ad370138ad8b269:v1.12.4',
  'Talos v1.11.3, schematic 376567988ad370138ad8b2698212367b8edcb69b',
  'a8f3c2d1-1234-8abc-9def-0123456789ab',
  'https://factory.talos.dev/image/376567988ad370138ad8b2698212367b/v1.12.4/nocloud-amd64.raw',
  'siderolabs/nonfree-kmod-nvidia-production',
  'arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012',
  'app.kubernetes.io/component=linstor-controller',
];

describe('policies/plaintext', () => {
  testPolicy(noPlaintextSecrets, ({ passes, fails, unjudged }) => {
    passes('the cluster: its secrets are marked', cluster);
    for (const [title, props, kind] of SECRETS) {
      fails(
        title,
        () => one(props),
        new RegExp(`thing: \\S+: expected a secret to be marked as one, found ${kind} in plain text`),
      );
      passes(`${title}, marked`, () => one({ a: secret(props) }));
    }
    for (const text of HARMLESS) passes(text.slice(0, 40), () => one({ text }));
    fails(
      'beside one that is marked',
      () => one({ password: secret('x'), passwords: [{ token: 'y' }, { token: secret('z') }] }),
      /thing: passwords\[0\]\.token: .* a value named token/,
    );
    fails('a neighbour by name', () => one({ a: secret('x'), ab: PEM }), /thing: ab: .* a private key/);
    passes('an allowed path', () => one({ environment: { DB_PASSWORD: 'tea' } }), {
      allow: [{ path: '^command:local:Command\\.environment\\.', reason: 'a name, not a password' }],
    });
    passes('below the threshold that is set', () => one({ text: RANDOM }), { entropy: 6 });
    passes('shorter than what is judged', () => one({ text: RANDOM }), { minimumLength: 64 });
    unjudged('one value, beside a key', () => one({ a: UNKNOWN.text, b: PEM }), /string value at \.a/, [
      /thing: b: .* a private key/,
    ]);
    passes('an unknown secret', () => one({ a: secret({ b: 'tea' }), password: secret('x') }));
  });

  it('says nothing of the value', async () => {
    const { violations } = await judge([secretMarks, noPlaintextSecrets], one({ text: RANDOM, password: 'hunter2' }));
    assert.equal(violations.length, 2);
    for (const { message } of violations) assert.doesNotMatch(message, new RegExp(`${RANDOM}|hunter2`));
  });

  it('refuses to guess when secret-marks was switched off', async () => {
    const { violations } = await judge([noPlaintextSecrets], [described('a:b:C', 'unseen', { a: 'b' })]);
    assert.match(violations[0]?.message ?? '', /expected to know which inputs are secrets, found no notes/);
  });

  it('secret-marks changes nothing', async () => {
    const { violations, unjudged } = await judge([secretMarks], one({ a: secret('x'), b: UNKNOWN.text }));
    assert.deepEqual([violations, unjudged], [[], []]);
  });

  it('measures randomness in bits a character', () => {
    assert.equal(shannon('aaaa'), 0);
    assert.equal(shannon('abcd'), 2);
    assert.equal(secretIn({ path: 'p', key: 'k', value: '' }), undefined);
  });
});
