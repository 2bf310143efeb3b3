import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planCluster, type ClusterPlan } from '../../../config/plan';
import { CommandError, ExitCode } from '../../../driver/exit';
import { chooseSnapshot, describeSnapshot } from '../../../driver/rebuild/snapshot';
import type { SecretsBundle } from '../../../driver/talosSecrets/bundle';
import { snapshotOf } from '../../support/foreign-snapshot';
import { someSecrets } from '../../support/secrets-bundle';
import { configuration } from '../../components/support/recording';

describe('a snapshot that etcd is to begin from', () => {
  let folder: string;
  let file: string;
  let bundle: SecretsBundle;
  let authority: string;
  let plan: ClusterPlan;

  before(async () => {
    bundle = await someSecrets();
    authority = Buffer.from(bundle.certs.k8s.crt, 'base64').toString();
    plan = planCluster(configuration());
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prox-ops-chosen-'));
    file = join(folder, 'etcd.db');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** v1.34.1 by how many minors more. */
  function kubelet(minors: number): string {
    const built = plan.first.release.kubernetes;
    return built.replace(/^v1\.(\d+)/, (_, minor: string) => `v1.${Number(minor) + minors}`);
  }

  const choose = () => chooseSnapshot(file, { name: 'prod', bundle, plan });

  async function refused(...says: RegExp[]): Promise<void> {
    await assert.rejects(choose(), (error: unknown) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.exitCode, ExitCode.blocked);
      for (const text of says) assert.match(error.message, text);
      assert.match(error.message, /etcd\.db: .*Nothing was changed/);
      return true;
    });
  }

  it('of this cluster and of this or the last minor of Kubernetes is taken', async () => {
    for (const minors of [0, -1]) {
      writeFileSync(file, snapshotOf({ authority, kubelets: { c1: kubelet(minors), w1: kubelet(-2) } }));
      const chosen = await choose();
      assert.equal(chosen.file, file);
      assert.match(
        describeSnapshot(chosen),
        /etcd\.db: 3 keys, 0 namespaces, 2 nodes, kubelet .*, etcd 3\.6; SHA-256 /,
      );
    }
  });

  it('of a newer minor, of one that is too old, or of an unknown one is not', async () => {
    for (const minors of [1, -2]) {
      writeFileSync(file, snapshotOf({ authority, kubelets: { c1: kubelet(minors) } }));
      await refused(new RegExp(`found ${kubelet(minors).replaceAll('.', '\\.')}`), /prox-ops release/);
    }
    writeFileSync(file, snapshotOf({ authority, kubelets: {} }));
    await refused(/found no node that tells its version/);
  });

  it('with data of a newer etcd than Talos runs is not', async () => {
    const [first] = plan.controlPlanes;
    assert.ok(first);
    const older = { ...first, release: { ...first.release, talos: 'v1.10.9' } };
    writeFileSync(file, snapshotOf({ authority, kubelets: { c1: kubelet(0) } }));
    await assert.rejects(
      chooseSnapshot(file, { name: 'prod', bundle, plan: { ...plan, first: older } }),
      /expected data of etcd 3\.5 at most, as Talos v1\.10\.9 runs it, found 3\.6/,
    );
  });

  it('of another cluster is refused by name, with every other problem', async () => {
    const { certs } = await someSecrets();
    const other = Buffer.from(certs.k8s.crt, 'base64').toString();
    writeFileSync(file, snapshotOf({ authority: other, kubelets: { 'other-2': kubelet(1) } }));
    await refused(
      /expected a snapshot of cluster prod \(Kubernetes authority \w{16}\), found another cluster's/,
      /members other-1; nodes other-2/,
      /expected a snapshot of Kubernetes/,
    );
    writeFileSync(file, snapshotOf({ kubelets: { c1: kubelet(0) } }));
    await refused(/found one that does not say whose it is/);
  });

  it('that is cut or not there is not', async () => {
    await refused(/no such file/);
    writeFileSync(file, snapshotOf({ authority, kubelets: { c1: kubelet(0) } }).subarray(0, 9000));
    await refused(/expected a whole etcd snapshot/);
  });
});
