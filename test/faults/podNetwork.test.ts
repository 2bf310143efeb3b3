import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { BatchV1Api, makeInformer } from '@kubernetes/client-node';
import { adminConfig } from '../support/driver-identity';
import { generations, release, seen, talosVersions } from '../support/engine-cluster';
import { EngineLab } from '../support/engine-lab';
import { holds } from '../support/verdict';

const NODE = 'k8s-work-1';
const NODES = ['k8s-ctrl-1', 'k8s-ctrl-2', 'k8s-ctrl-3', NODE, 'k8s-work-2', 'k8s-work-4'];
const OLD = 'v1.11.3';
const NEW = 'v1.12.4';
/** The probe's containers give up in good time before it does. */
const ROLLOUT = { healthPasses: 1, healthTimeout: 45, healthCheckTimeout: 15 };
const ADMIN = 'admin';

describe('R004-FR7 pod and service network, by a Job on the node that came back', () => {
  let engine: EngineLab;

  before(async () => {
    engine = await EngineLab.start({ base: 147, nodes: NODES, rollout: ROLLOUT, auditedUsers: [ADMIN] });
    const up = await engine.proxOps('up');
    assert.equal(up.code, 0, up.output);
    await engine.lab.armed();
    await release(engine, NEW);
  });

  after(async () => {
    await engine?.close();
  });

  it('plan, status and verify only read, health makes one Job and deletes it', async () => {
    for (const command of ['plan', 'status', 'verify']) {
      const { output } = await engine.proxOps(command);
      assert.deepEqual(probes(), [], `${command}: ${output}`);
    }
    const health = await engine.proxOps('health');
    assert.equal(health.code, 0, health.output);
    assert.match(health.stdout, /7\/7 checks passed/);
    assert.match(health.stdout, /on k8s-work-1: cluster DNS, service network, pod network/);
    assert.deepEqual(probes(), ['create', 'delete']);
    await nothingLeft();
  });

  it('health says so where a node has no pod network', async () => {
    engine.lab.faults.set('pod-network-down', NODE);
    const health = await engine.proxOps('health');
    engine.lab.faults.clear();
    assert.equal(health.code, 2, health.output);
    assert.match(health.stdout, /6\/7 checks passed/);
    assert.match(health.stdout, /service network \(the API's address\): TIMEOUT/);
    await nothingLeft();
  });

  it('Ctrl-C puts the probe away first', async () => {
    engine.lab.faults.set('pod-network-down', NODE);
    const { made } = await nextJob();
    const driver = engine.begin('health');
    const finished = engine.finished(driver);
    await made;
    driver.kill('SIGINT');
    const { code, output } = await finished;
    engine.lab.faults.clear();
    assert.equal(code, 130, output);
    await nothingLeft();
  });

  it('R004-FR8 three tries of it fail: the node is rolled back, and a roll without the fault converges', async () => {
    const before = generations(engine);
    engine.lab.faults.set('pod-network-down', NODE);
    const driver = engine.begin('roll', '--yes', '--json', '--nodes', NODE);
    const finished = engine.finished(driver);
    await seen(driver, /"type":"rollback\.started"/);
    engine.lab.faults.clear();
    const { code, output } = await finished;
    assert.equal(code, 3, output);
    assert.match(output, /try 3 of 3: 6\/7 checks passed; network: probe on k8s-work-1: /);
    assert.match(
      output,
      /cluster DNS \(kubernetes\.default\.svc\): DNS: lookup kubernetes\.default\.svc: i\/o timeout/,
    );
    assert.match(output, /"outcome":"rolled back"/);
    assert.equal(talosVersions(engine)[NODE], OLD);
    await holds(engine);
    await nothingLeft();

    const cleared = await engine.proxOps('rollback', NODE, '--clear');
    assert.equal(cleared.code, 0, cleared.output);
    const again = await engine.proxOps('roll', '--yes', '--nodes', NODE, 'k8s-ctrl-2');
    assert.equal(again.code, 0, again.output);
    assert.match(again.output, /7\/7 checks passed/);
    assert.equal(talosVersions(engine)[NODE], NEW);
    assert.notEqual(generations(engine)[NODE], before[NODE]);
    await holds(engine);
    await nothingLeft();
  });

  /** Verbs of the requests that were made for Jobs of probes, in their order; each is told of once. */
  let told = 0;
  function probes(): string[] {
    const lines = readFileSync(engine.lab.parts.kubernetes.auditLog, 'utf8').split('\n').slice(0, -1);
    const asked = lines
      .map((line) => JSON.parse(line) as { verb: string; objectRef?: { resource: string }; user: { username: string } })
      .filter(
        ({ verb, objectRef, user }) => objectRef?.resource === 'jobs' && verb !== 'list' && user.username === ADMIN,
      )
      .map(({ verb }) => verb);
    const fresh = asked.slice(told);
    told = asked.length;
    return fresh;
  }

  /** Resolves once Jobs are watched; `made` when the next one is there. */
  async function nextJob(): Promise<{ made: Promise<void> }> {
    const config = await adminConfig(engine);
    const list = () => config.makeApiClient(BatchV1Api).listNamespacedJob({ namespace: 'kube-system' });
    const informer = makeInformer(config, '/apis/batch/v1/namespaces/kube-system/jobs', list);
    const added = new Promise<void>((resolve, reject) => {
      informer.on('add', () => {
        resolve();
      });
      informer.on('error', reject);
    });
    await informer.start();
    return { made: added.finally(() => informer.stop()) };
  }

  async function nothingLeft(): Promise<void> {
    const api = (await adminConfig(engine)).makeApiClient(BatchV1Api);
    const { items } = await api.listNamespacedJob({ namespace: 'kube-system' });
    assert.deepEqual(
      items.map(({ metadata }) => metadata?.name),
      [],
    );
  }
});
