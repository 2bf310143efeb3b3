import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleText, fingerprint, type SecretsBundle } from '../../driver/talosSecrets/bundle';
import { EngineLab } from '../support/engine-lab';
import { someSecrets } from '../support/secrets-bundle';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

describe('R002 a state that was lost gets the Talos secrets back from a copy', () => {
  let engine: EngineLab;
  let bundle: SecretsBundle;
  let copy: string;

  before(async () => {
    engine = await EngineLab.start({ base: 153, nodes: NODES });
    bundle = await someSecrets();
    copy = join(engine.project, 'copy.yaml');
    writeFileSync(copy, bundleText(bundle), { mode: 0o600 });
  });

  after(async () => {
    await engine?.close();
  });

  it('a copy that is of no use makes not even a stack', async () => {
    const cut = join(engine.project, 'cut.yaml');
    writeFileSync(cut, bundleText(bundle).slice(0, 200));
    const { code, output } = await engine.proxOps('secrets', 'import', cut);
    assert.equal(code, 2, output);
    assert.match(output, /expected a whole secrets\.yaml/);
  });

  it('puts them into an empty state, and nothing else; they are protected there, and the copy is of them', async () => {
    const { code, output } = await engine.proxOps('secrets', 'import', copy);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`imported: OS authority ${fingerprint(bundle)}`));
    for (const secret of [bundle.cluster.secret, bundle.certs.os.key]) assert.equal(output.includes(secret), false);
    const checked = await engine.proxOps('secrets', 'check', copy);
    assert.equal(checked.code, 0, checked.output);
    const ages = await engine.proxOps('secrets');
    assert.match(ages.output, /Protected in the state/);
    assert.deepEqual(engine.lab.status().vms, []);
  });

  it('leaves the same ones as they are, and refuses others', async () => {
    const again = await engine.proxOps('secrets', 'import', copy);
    assert.equal(again.code, 0, again.output);
    assert.match(again.output, /has these secrets already/);
    writeFileSync(copy, bundleText(await someSecrets()));
    const other = await engine.proxOps('secrets', 'import', copy);
    assert.equal(other.code, 2, other.output);
    assert.match(other.output, /found another cluster's/);
  });
});
