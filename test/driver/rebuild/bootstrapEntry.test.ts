import assert from 'node:assert/strict';
import { plain, secret, type Deployment, type StateEntry } from '../../../driver/adopt/deployment';
import { withBootstrap } from '../../../driver/rebuild/bootstrapEntry';

const BASE = 'urn:pulumi:prod::prox-ops::prox-ops:cluster:Cluster';
const CONTROL_PLANE = `${BASE}$prox-ops:cluster:ControlPlane::home`;
const SECRETS = `${BASE}$prox-ops:talos:TalosSecrets$talos:machine/secrets:Secrets::home-secrets`;
const CONFIG = `${BASE}$prox-ops:node:TalosNode$talos:machine/configurationApply:ConfigurationApply::c1-config`;

function entry(urn: string, more: Partial<StateEntry> = {}): StateEntry {
  const type = urn.split('::')[2]?.split('$').at(-1) ?? '';
  return { urn, type, custom: true, ...more };
}

describe('the bootstrap that a recovery has done, in the state', () => {
  const client = { caCertificate: 'ca', clientCertificate: 'crt', clientKey: secret('key') };
  const resources = [
    entry(CONTROL_PLANE, { custom: false }),
    entry(SECRETS, { provider: 'provider::id', outputs: { clientConfiguration: client } }),
    entry(CONFIG.replace('c1-config', 'c2-config')),
    entry(CONFIG),
  ];
  const state: Deployment = { version: 3, deployment: { resources, secrets_providers: { type: 'passphrase' } } };
  const first = { name: 'c1', address: '10.0.0.1' };

  it('is as its create would have left it, under the name that the program gives it', () => {
    const after = withBootstrap(state, first);
    assert.equal(state.deployment.resources?.length, 4);
    const added = after.deployment.resources?.at(-1);
    assert.equal(added?.urn, `${BASE}$prox-ops:cluster:ControlPlane$talos:machine/bootstrap:Bootstrap::home-bootstrap`);
    assert.deepEqual([added.id, added.parent, added.provider], ['machine_bootstrap', CONTROL_PLANE, 'provider::id']);
    assert.deepEqual(added.dependencies, [CONFIG, SECRETS]);
    assert.deepEqual(plain(added.inputs), {
      node: '10.0.0.1',
      clientConfiguration: { caCertificate: 'ca', clientCertificate: 'crt', clientKey: 'key' },
      timeouts: { create: '10m' },
    });
    assert.deepEqual(Object.keys(added.inputs?.clientConfiguration as object).includes('clientKey'), false);
    assert.deepEqual(after.deployment.secrets_providers, { type: 'passphrase' });
  });

  it('is written once', () => {
    const after = withBootstrap(state, first);
    assert.equal(withBootstrap(after, first), after);
  });

  it('is not written into a state without machines', () => {
    assert.throws(
      () => withBootstrap({ version: 3, deployment: { resources: [] } }, first),
      /ControlPlane in the state/,
    );
    assert.throws(() => withBootstrap(state, { ...first, name: 'c9' }), /c9-config in the state/);
  });
});
