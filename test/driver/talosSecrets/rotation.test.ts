import assert from 'node:assert/strict';
import { plain, secret, type Deployment, type StateEntry } from '../../../driver/adopt/deployment';
import { agesOf } from '../../../driver/talosSecrets/ages';
import { differences } from '../../../driver/talosSecrets/bundle';
import type { HeldSecrets } from '../../../driver/talosSecrets/held';
import { lacking } from '../../../driver/talosSecrets/proxmoxToken';
import { rotationText } from '../../../driver/talosSecrets/rotationView';
import { credentialsIn, talosClient, withCredentials } from '../../../driver/talosSecrets/stateCredentials';
import { someSecrets } from '../../support/secrets-bundle';

const TALOSCONFIG = 'context: c\ncontexts: {c: {ca: newca, crt: newcrt, key: newkey}}\n';
const KUBECONFIG = [
  'current-context: x',
  'contexts: [{name: x, context: {cluster: k, user: u}}]',
  'clusters: [{name: k, cluster: {server: "https://k:6443", certificate-authority-data: kca}}]',
  'users: [{name: u, user: {client-certificate-data: kcrt, client-key-data: kkey}}]',
].join('\n');

function entry(type: string, outputs: Record<string, unknown>, more: Partial<StateEntry> = {}): StateEntry {
  return { urn: `urn:${type}`, type, custom: true, protect: true, outputs, ...more };
}

/** Secrets marked as the engine marks them: the key alone, or the whole of it. */
function state(marked: 'key' | 'whole'): Deployment {
  const old = { caCertificate: 'ca', clientCertificate: 'crt', clientKey: secret('key') };
  const clientConfiguration = marked === 'key' ? old : secret(plain(old));
  const machineSecrets = { cluster: { id: 'id', secret: secret('cluster secret') } };
  const kubernetes = { host: 'h', caCertificate: 'kca', clientCertificate: 'old', clientKey: secret('old') };
  const resources = [
    entry('talos:machine/secrets:Secrets', { clientConfiguration: 'doomed' }, { urn: 'urn:doomed', delete: true }),
    entry('talos:machine/secrets:Secrets', { machineSecrets, clientConfiguration }),
    entry('talos:cluster/kubeconfig:Kubeconfig', {
      kubeconfigRaw: secret('old'),
      kubernetesClientConfiguration: kubernetes,
    }),
    entry('other', { clientConfiguration: 'theirs' }),
  ];
  return { version: 3, deployment: { resources } };
}

describe('client credentials in a state', () => {
  const rotated = (marked: 'key' | 'whole') =>
    withCredentials(state(marked), { talosconfig: TALOSCONFIG, kubeconfig: KUBECONFIG });

  for (const marked of ['key', 'whole'] as const) {
    it(`are replaced, and nothing else; what was secret (${marked}) stays so`, () => {
      const after = rotated(marked);
      const changed = differences(state(marked), after);
      assert.ok(
        changed.every((path) => /^deployment\.resources\.[12]\.outputs\./.test(path)),
        changed.join(),
      );
      assert.ok(changed.every((path) => !path.includes('machineSecrets')));
      const [, held] = after.deployment.resources ?? [];
      const { clientConfiguration } = held?.outputs as { clientConfiguration: Record<string, unknown> };
      assert.deepEqual(plain(clientConfiguration), {
        caCertificate: 'newca',
        clientCertificate: 'newcrt',
        clientKey: 'newkey',
      });
      assert.deepEqual(
        marked === 'key' ? clientConfiguration.clientKey : clientConfiguration,
        secret(marked === 'key' ? 'newkey' : plain(clientConfiguration)),
      );
    });
  }

  it('can be told from those that are handed out', () => {
    const before = credentialsIn(state('key').deployment.resources ?? []);
    const after = credentialsIn(rotated('key').deployment.resources ?? []);
    assert.deepEqual(before, { clientCertificate: 'crt', kubeconfig: 'old' });
    assert.deepEqual(after, { clientCertificate: 'newcrt', kubeconfig: KUBECONFIG });
  });

  it('are not looked for where there are none', () => {
    assert.throws(() => credentialsIn([]), /expected a resource of type talos:machine\/secrets:Secrets/);
    assert.throws(() => talosClient('context: a\ncontexts: {b: {}}'), /expected ca, crt and key/);
  });
});

describe('a Proxmox token that is to take the place of another', () => {
  const present = { '/': { 'VM.Audit': 1, 'VM.Allocate': 1 }, '/mapping': { 'Mapping.Use': 0 } };

  it('lacks nothing when it may do at least the same', () => {
    assert.deepEqual(lacking(present, { ...present, '/storage': { 'Datastore.Audit': 1 } }), []);
  });

  it('lacks what it may not do, by path and privilege', () => {
    assert.deepEqual(lacking(present, { '/': { 'VM.Audit': 1 } }), ['/ VM.Allocate', '/mapping Mapping.Use']);
  });
});

describe('what a rotation says', () => {
  it('the former certificate cannot be revoked and ends when it did; copies stay right; nothing secret', async () => {
    const bundle = await someSecrets();
    const held = (crt: string, tokenSince: Date): HeldSecrets => ({
      urn: '',
      bundle,
      protected: true,
      clientCertificate: crt,
      kubeconfigCertificate: bundle.certs.k8s.crt,
      tokenSince,
    });
    const other = await someSecrets();
    const old = agesOf(held(bundle.certs.os.crt, new Date('2026-01-01')), new Date('2026-11-29'));
    const now = agesOf(held(other.certs.os.crt, new Date('2026-11-29')), new Date('2026-11-29'));
    const certificate = old.find(({ name }) => name.includes('talosconfig')) ?? assert.fail();
    now[0] = { ...certificate, expires: new Date('2027-11-29') };
    const { table, facts } = rotationText(old, now, 'root@pam!old');
    assert.match(
      facts[0] ?? '',
      new RegExp(
        `cannot be revoked: whoever has it has access until ${certificate.expires?.toISOString().slice(0, 10)}`,
      ),
    );
    assert.match(facts.join('\n'), /root@pam!old is not used any more, and still valid until it is removed/);
    assert.match(facts.join('\n'), /no new one is due/);
    assert.match(table, /Proxmox API token +│ 332 +│ 0 /);
    const text = table + facts.join('\n');
    for (const { key } of Object.values(bundle.certs)) assert.equal(text.includes(key), false);
  });
});
