import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoordinationV1Api, KubeConfig } from '@kubernetes/client-node';
import { readBundle } from '../../driver/talosSecrets/bundle';
import { powerCut, seen } from '../support/engine-cluster';
import { EngineLab, type Finished } from '../support/engine-lab';
import { snapshotOf } from '../support/foreign-snapshot';
import {
  armedAgain,
  coreApi,
  handedOut,
  inService,
  kubectl,
  makeVolumesAgain,
  worksWith,
  type Credentials,
} from '../support/rebuilding';
import { someSecrets } from '../support/secrets-bundle';
import { holds } from '../support/verdict';

const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', 'k8s-work-1', 'k8s-work-2', 'k8s-work-3'];

/** Volumes that are lost never become healthy: that long is waited for them. */
const IMPATIENT = { healthTimeout: 60, healthTries: 1, healthPasses: 2, healthCheckTimeout: 15 };

describe('R002 a cluster is rebuilt from an etcd snapshot', () => {
  let engine: EngineLab;
  let old: Credentials;
  let snapshot: string;

  before(async () => {
    engine = await EngineLab.start({ base: 158, nodes: NODES, rollout: IMPATIENT });
    snapshot = join(engine.project, 'etcd.db');
    await inService(engine, 'up');
    old = await handedOut(engine);
    await holds(engine);
    engine.lab.monitor.disarm();
    await asInTheMiddleOfARollout();
    const saved = await engine.proxOps('snapshot', snapshot);
    assert.equal(saved.code, 0, saved.output);
  });

  after(async () => {
    await engine?.close();
  });

  /** Snapshots are taken right before a member leaves: its node is cordoned then, and the lease open for it. */
  async function asInTheMiddleOfARollout(): Promise<void> {
    const core = await coreApi(engine);
    await core.createNamespacedConfigMap({
      namespace: 'default',
      body: { metadata: { name: 'only-in-etcd' }, data: { said: 'by hand' } },
    });
    const room = { cpu: '8', memory: '16Gi', pods: '110' };
    await core.createNode({
      body: {
        metadata: { name: 'long-gone' },
        spec: { unschedulable: true },
        status: { capacity: room, allocatable: room },
      },
    });
    await kubectl(engine, old, 'cordon', 'k8s-ctrl-2');
    await kubectl(engine, old, 'annotate', 'node', 'k8s-ctrl-2', 'prox-ops.io/cordoned-by=run-of-before');
    await kubectl(engine, old, 'annotate', 'kustomization', 'apps', '-n', 'flux-system', 'prox-ops.io/suspended-by=x');
    const suspend = '{"spec":{"suspend":true}}';
    await kubectl(engine, old, 'patch', 'kustomization', 'apps', '-n', 'flux-system', '--type=merge', '-p', suspend);
    const config = new KubeConfig();
    config.loadFromString(readFileSync(old.kubeconfig, 'utf8'));
    await config.makeApiClient(CoordinationV1Api).createNamespacedLease({
      namespace: 'kube-system',
      body: {
        metadata: {
          name: 'prox-ops-rollout',
          annotations: {
            'prox-ops.io/run': 'run-of-before',
            'prox-ops.io/node': 'k8s-ctrl-2',
            'prox-ops.io/step': 'etcd',
          },
        },
        spec: { holderIdentity: 'somebody@elsewhere:1', leaseDurationSeconds: 30 },
      },
    });
  }

  function machines(): string[] {
    return engine.lab.status().vms.map(({ name }) => name);
  }

  function record(): string {
    return join(engine.project, '.prox-ops', 'rebuild', 'lab.json');
  }

  /** Exit code 2, the words, and nothing made or bootstrapped. */
  async function refused(refusal: Promise<Finished>, says: RegExp): Promise<void> {
    const before = [machines(), members()];
    const { code, output } = await refusal;
    assert.match(output, says);
    assert.equal(code, 2, output);
    assert.deepEqual([machines(), members()], before);
  }

  /** How often a member was added to any etcd: once with each bootstrap. */
  function members(): number {
    return engine.lab.world.events.all().filter((event) => event.type === 'etcd.member' && event.change === 'added')
      .length;
  }

  it('into a cluster that has an etcd: refused', async () => {
    await refused(engine.proxOps('rebuild', '--yes', '--snapshot', snapshot), /expected a cluster without an etcd/);
  });

  it('is destroyed', async () => {
    const { code, output } = await engine.proxOps('destroy', '--yes');
    assert.equal(code, 0, output);
    assert.deepEqual(machines(), []);
  });

  it('a snapshot that is cut, changed, gone, of another cluster or of a newer Kubernetes is refused by name', async () => {
    const whole = readFileSync(snapshot);
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(20_000) ^ 1, 20_000);
    const { certs } = await someSecrets();
    const authority = Buffer.from(certs.k8s.crt, 'base64').toString();
    const bad: [Buffer, RegExp][] = [
      [whole.subarray(0, whole.length - 1000), /bad\.db: expected a whole etcd snapshot.*Nothing was changed/],
      [changed, /bad\.db: expected a whole etcd snapshot.*checksum/],
      [
        snapshotOf({ authority, kubelets: { 'other-1': 'v1.34.1' } }),
        /bad\.db: expected a snapshot of cluster prox-ops .*found another cluster's .*members other-1; nodes other-1/,
      ],
      [snapshotOf({ kubelets: { 'other-1': 'v1.34.1' } }), /found one that does not say whose it is/],
      [
        snapshotOf({ authority, kubelets: { 'other-1': 'v1.99.0' } }),
        /expected a snapshot of Kubernetes v1\.\d+.*found v1\.99\.0/,
      ],
    ];
    for (const [bytes, says] of bad) {
      const file = join(engine.project, 'bad.db');
      writeFileSync(file, bytes);
      await refused(engine.proxOps('rebuild', '--yes', '--snapshot', file), says);
    }
    await refused(engine.proxOps('rebuild', '--yes', '--snapshot', 'nowhere.db'), /nowhere\.db.*no such file/);
    assert.equal(existsSync(record()), false);
  });

  it('killed while its machines are made, nothing but the same snapshot goes on', async () => {
    const driver = engine.begin('rebuild', '--yes', '--snapshot', snapshot);
    await seen(driver, /create VM done/);
    powerCut(driver);
    assert.equal(statSync(record()).mode & 0o777, 0o600);
    await refused(engine.proxOps('rebuild', '--yes'), /Expected --snapshot \S+etcd\.db, as the unfinished rebuild/);
    await refused(engine.proxOps('up'), /Go on with: prox-ops rebuild --snapshot/);
    const other = join(engine.project, 'other.db');
    const { bundle } = await copyOfSecrets();
    const authority = Buffer.from(bundle.certs.k8s.crt, 'base64').toString();
    writeFileSync(other, snapshotOf({ authority, kubelets: { 'k8s-ctrl-1': 'v1.34.1' } }));
    await refused(engine.proxOps('rebuild', '--yes', '--snapshot', other), /Expected the snapshot with SHA-256/);
  });

  it('killed once etcd has begun, it goes on with that etcd; all that was only in etcd is back', async () => {
    const before = members();
    const driver = engine.begin('rebuild', '--yes', '--snapshot', snapshot);
    await seen(driver, /takes the snapshot/);
    powerCut(driver);
    const { code, output } = await engine.proxOps('rebuild', '--yes', '--snapshot', snapshot);
    // Its volumes are lost with the disks that they were on, and a node that is no more came back.
    assert.equal(code, 4, output);
    assert.equal(members() - before, 3, 'one bootstrap, two members that joined');
    assert.match(output, /old kubeconfig: works: 7 nodes/);
    assert.match(output, /old talosconfig: works: v1\.11\.3/);
    assert.match(output, /snapshot: restored: kube-system has the UID it had/);
    assert.match(
      output,
      /the rollout lease for k8s-ctrl-2, held by somebody@elsewhere:1 \(run run-of-before\): given back/,
    );
    assert.match(output, /k8s-ctrl-2: uncordoned/);
    assert.match(output, /Kustomization flux-system\/apps: resumed/);
    assert.match(output, /node long-gone is in the snapshot and not in the stack file/);
    assert.match(output, /LOST: pvc-\S+ \(claim data\/\S+\): no replica has its data/);
    assert.match(output, /Flux: \d+ of \d+ ready/);
    assert.equal(
      await kubectl(engine, old, 'get', 'configmap', 'only-in-etcd', '-o', 'jsonpath={.data.said}'),
      'by hand',
    );
    assert.equal(existsSync(record()), false);
  });

  it('the stack has nothing left to do, and no second etcd was begun', async () => {
    const preview = await engine.pulumi(['preview', '--expect-no-changes']);
    assert.equal(preview.code, 0, preview.output);
    const again = await engine.proxOps('rebuild', '--yes');
    assert.match(again.output, /nothing to rebuild/);
  });

  it('what was reported is mended as the runbook says, and the cluster is in service again', async () => {
    const armed = armedAgain(engine);
    await kubectl(engine, old, 'delete', 'node', 'long-gone');
    // Pods of a node that is no more are removed after a while.
    const orphaned = ['-A', '--field-selector', 'spec.nodeName=long-gone'];
    await kubectl(engine, old, 'wait', 'pods', ...orphaned, '--for=delete', '--timeout=180s');
    assert.notDeepEqual(await makeVolumesAgain(engine), []);
    const health = await engine.proxOps('health', '--wait');
    assert.equal(health.code, 0, health.output);
    await armed;
    await worksWith(engine, old, NODES);
    await holds(engine);
  });

  async function copyOfSecrets() {
    const copy = join(engine.project, 'copy.yaml');
    const exported = await engine.proxOps('secrets', 'export', copy);
    assert.equal(exported.code, 0, exported.output);
    const read = readBundle(readFileSync(copy, 'utf8'));
    assert.ok('bundle' in read);
    return read;
  }
});
