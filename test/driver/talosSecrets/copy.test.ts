import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { CommandError, ExitCode } from '../../../driver/exit';
import { bundleText, type SecretsBundle } from '../../../driver/talosSecrets/bundle';
import { mustBeSame, readCopy, readIdentities, writeCopy } from '../../../driver/talosSecrets/copy';
import { someSecrets } from '../../support/secrets-bundle';

describe('a copy of the Talos secrets', () => {
  let folder: string;
  let bundle: SecretsBundle;
  let file: string;

  const values = (): string[] => [bundle.cluster.secret, bundle.trustdinfo.token, bundle.certs.os.key];

  before(async () => {
    bundle = await someSecrets();
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-copy-'));
    file = join(folder, 'copy');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function refused(act: Promise<unknown>, ...says: RegExp[]): Promise<void> {
    await assert.rejects(act, (error: unknown) => {
      assert.ok(error instanceof CommandError);
      for (const text of says) assert.match(error.message, text);
      for (const value of values()) assert.equal(error.message.includes(value), false);
      return true;
    });
  }

  it('is a secrets.yaml that nobody else may read, and comes back as it was', async () => {
    await writeCopy(bundle, 'prod', { file, recipients: [] });
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(await readCopy(file, []), bundle);
    assert.deepEqual(readdirSync(folder), ['copy']);
  });

  it('encrypted for a recipient it holds nothing in plain text, and opens for its identity alone', async () => {
    const [ours, another] = [await generateX25519Identity(), await generateX25519Identity()];
    await writeCopy(bundle, 'prod', { file, recipients: [await identityToRecipient(ours)] });
    const text = readFileSync(file, 'utf8');
    for (const value of values()) assert.equal(text.includes(value), false);
    const identities = join(folder, 'identity');
    writeFileSync(identities, `# public key: age1...\n${ours}\n`);
    assert.deepEqual(await readCopy(file, await readIdentities(identities)), bundle);
    await refused(readCopy(file, [another]), /encrypted for this identity/);
    await refused(readCopy(file, []), /--identity/);
  });

  it('what is no recipient is refused, and nothing is left', async () => {
    await refused(writeCopy(bundle, 'prod', { file, recipients: ['age1nonsense'] }), /--recipient.*age1nonsense/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('a file that is there already is left as it is', async () => {
    writeFileSync(file, 'another cluster');
    await refused(writeCopy(bundle, 'prod', { file, recipients: [] }), /expected no file of that name/);
    assert.equal(readFileSync(file, 'utf8'), 'another cluster');
  });

  it('truncated at any line it is refused', async () => {
    await writeCopy(bundle, 'prod', { file, recipients: [] });
    const lines = readFileSync(file, 'utf8').split('\n');
    for (let kept = 0; kept < lines.length - 1; kept += 1) {
      writeFileSync(file, lines.slice(0, kept).join('\n'));
      await refused(readCopy(file, []), /copy: expected a whole/);
    }
  });

  it('truncated within its encryption it is refused', async () => {
    const identity = await generateX25519Identity();
    await writeCopy(bundle, 'prod', { file, recipients: [await identityToRecipient(identity)] });
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, text.length / 2));
    await refused(readCopy(file, [identity]), /encrypted for this identity, whole/);
  });

  it('one value changed by hand is known by the checksum', async () => {
    await writeCopy(bundle, 'prod', { file, recipients: [] });
    writeFileSync(file, readFileSync(file, 'utf8').replace(/token: .*/, 'token: abcdef'));
    await refused(readCopy(file, []), /checksum does not fit/);
  });

  it("a secrets.yaml of talosctl's own is read as well", async () => {
    writeFileSync(file, bundleText(bundle));
    assert.deepEqual(await readCopy(file, []), bundle);
  });

  it('a key that does not fit its certificate is refused, by name', async () => {
    const { certs } = await someSecrets();
    const mixed = { ...bundle, certs: { ...bundle.certs, etcd: { ...bundle.certs.etcd, key: certs.etcd.key } } };
    writeFileSync(file, bundleText(mixed));
    await refused(readCopy(file, []), /certs\.etcd: expected a certificate and the key/);
  });

  it("another cluster's copy is refused, as is one of this cluster with another value", async () => {
    const foreign = await someSecrets();
    const refusal = (found: SecretsBundle, says: RegExp) => {
      assert.throws(
        () => mustBeSame(file, found, bundle),
        (error: unknown) => {
          assert.ok(error instanceof CommandError);
          assert.equal(error.exitCode, ExitCode.blocked);
          assert.match(error.message, says);
          return true;
        },
      );
    };
    refusal(foreign, /found another cluster's/);
    refusal({ ...bundle, trustdinfo: foreign.trustdinfo }, /other values of trustdinfo\.token/);
    mustBeSame(file, structuredClone(bundle), bundle);
  });
});
