import assert from 'node:assert/strict';
import { agesOf } from '../../../driver/talosSecrets/ages';
import type { SecretsBundle } from '../../../driver/talosSecrets/bundle';
import { someSecrets } from '../../support/secrets-bundle';

const DAY = 86_400_000;

describe('ages of the Talos secrets', () => {
  let bundle: SecretsBundle;

  before(async () => {
    bundle = await someSecrets();
  });

  const dueIn = (days: number) => {
    const clients = { clientCertificate: bundle.certs.os.crt, kubeconfigCertificate: bundle.certs.k8s.crt };
    const held = { urn: '', bundle, protected: true, created: new Date(), tokenSince: new Date(), ...clients };
    return agesOf(held, new Date(Date.now() + days * DAY + 60_000));
  };

  it('each secret is listed once, without its value', () => {
    const ages = dueIn(0);
    assert.equal(new Set(ages.map(({ name }) => name)).size, ages.length);
    assert.equal(ages.length, 12);
    const text = JSON.stringify(ages);
    for (const { key } of Object.values(bundle.certs)) assert.equal(text.includes(key), false);
    assert.equal(text.includes(bundle.cluster.secret), false);
  });

  it('nothing is due on the 90th day, everything on the 91st', () => {
    assert.deepEqual(
      dueIn(90).filter(({ due }) => due),
      [],
    );
    assert.equal(
      dueIn(91).every(({ due, days }) => due && days === 91),
      true,
    );
  });

  it('a secret of which nothing tells the age is due', () => {
    const token = agesOf({ urn: '', bundle, protected: true }, new Date()).find(
      ({ name }) => name === 'trustdinfo.token',
    );
    assert.deepEqual([token?.days, token?.due], [undefined, true]);
  });
});
