import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scene } from './scene.js';

const BUDGET = { namespace: 'shop', name: 'web', selector: { matchLabels: { app: 'web' } } };

describe('safety monitor, I4: pods leave by the eviction API', () => {
  let directory: string;
  let auditLog: string;
  let scene: Scene;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'prox-ops-monitor-'));
    auditLog = join(directory, 'audit.log');
    scene = new Scene({ auditLog, labUsers: ['lab:kubelet'] }).build();
  });

  afterEach(async () => {
    await scene.monitor.close();
    rmSync(directory, { recursive: true });
  });

  /** Writes a line as kube-apiserver does. */
  const audit = (user: string, verb: string, changes: Record<string, unknown> = {}, subresource?: string) => {
    const objectRef = { resource: 'pods', namespace: 'shop', name: 'web-1', apiVersion: 'v1', subresource };
    const entry = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      auditID: `id-${Math.random()}`,
      stage: 'ResponseComplete',
      requestURI: '/api/v1/namespaces/shop/pods/web-1',
      verb,
      user: { username: user },
      userAgent: 'node-fetch',
      objectRef,
      responseStatus: { code: verb === 'create' ? 201 : 200 },
      requestReceivedTimestamp: '2026-11-21T12:34:56.123456Z',
      ...changes,
    };
    appendFileSync(auditLog, `${JSON.stringify(entry)}\n`);
  };

  it('reports a pod deleted by an administrator, with user, pod and the time of the request', async () => {
    audit('admin', 'delete');
    const [violation] = (await scene.verdict('I4')).violations;
    assert.equal(violation?.at, Date.parse('2026-11-21T12:34:56.123Z'));
    assert.match(violation?.what ?? '', /^admin deleted pod shop\/web-1 around the eviction API$/);
    assert.equal((violation?.evidence['audit'] as { userAgent: string }).userAgent, 'node-fetch');
  });

  it('reports deletecollection', async () => {
    audit('system:serviceaccount:ops:runner', 'deletecollection');
    assert.match((await scene.verdict('I4')).violations[0]?.what ?? '', /all matching pods of namespace shop/);
  });

  it('lets Kubernetes itself and the lab delete pods, and others ask in vain or for a dry run', async () => {
    audit('system:serviceaccount:kube-system:replicaset-controller', 'delete');
    audit('system:serviceaccount:kube-system:pod-garbage-collector', 'delete');
    audit('system:serviceaccount:kube-system:generic-garbage-collector', 'delete');
    audit('system:kube-scheduler', 'delete');
    audit('system:node:worker-1', 'delete');
    audit('lab:kubelet', 'delete');
    audit('admin', 'delete', { responseStatus: { code: 403 } });
    audit('admin', 'delete', { requestObject: { kind: 'DeleteOptions', dryRun: ['All'] } });
    audit('admin', 'create', {}, 'eviction');
    assert.deepEqual(await scene.violated(), []);
  });

  it('reports a pod of a Job that somebody deletes by himself, and not one that goes with its deleted Job', async () => {
    const objectRef = { resource: 'pods', namespace: 'kube-system', name: 'prox-ops-probe-0-x', apiVersion: 'v1' };
    audit('system:serviceaccount:kube-system:generic-garbage-collector', 'delete', { objectRef });
    assert.deepEqual(await scene.violated(), []);
    audit('system:serviceaccount:prox-ops:prox-ops', 'delete', { objectRef });
    assert.match((await scene.verdict('I4')).violations[0]?.what ?? '', /deleted pod kube-system\/prox-ops-probe-0-x/);
  });

  it('reads a line only when it is whole', async () => {
    appendFileSync(auditLog, '{"verb":"delete","user":{"username":"admin"},"objectRef":{"resource":"po');
    assert.deepEqual(await scene.violated(), []);
    appendFileSync(auditLog, 'ds","namespace":"a","name":"b"},"responseStatus":{"code":200}}\n');
    assert.deepEqual(await scene.violated(), ['I4']);
  });

  it('reports a budget with too few healthy pods after an eviction of one of its pods', async () => {
    scene.kubernetes.sink?.pod('shop/web-1', { app: 'web' });
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 3, desiredHealthy: 2 });
    audit('admin', 'create', {}, 'eviction');
    assert.deepEqual(await scene.violated(), []);
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 2, desiredHealthy: 2 });
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 1, desiredHealthy: 2 });
    const [violation] = (await scene.verdict('I4')).violations;
    assert.match(violation?.what ?? '', /shop\/web has 1 healthy pods of the 2/);
    assert.deepEqual(
      (violation?.evidence['evictions'] as { pod: string }[]).map(({ pod }) => pod),
      ['shop/web-1'],
    );
  });

  it('forgets an eviction once its pod has ended and was made up for', async () => {
    scene.kubernetes.sink?.pod('shop/web-1', { app: 'web' });
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 3, desiredHealthy: 2 });
    audit('admin', 'create', {}, 'eviction');
    assert.deepEqual(await scene.violated(), []);
    scene.kubernetes.sink?.pod('shop/web-1', undefined);
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 3, desiredHealthy: 2 });
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 1, desiredHealthy: 2 });
    assert.deepEqual(await scene.violated(), []);
  });

  it('does not blame us for a budget whose pods fail by themselves, or for evictions of others', async () => {
    scene.kubernetes.sink?.pod('shop/web-1', { app: 'other' });
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 3, desiredHealthy: 2 });
    audit('admin', 'create', {}, 'eviction');
    assert.deepEqual(await scene.violated(), []);
    scene.kubernetes.budget({ ...BUDGET, currentHealthy: 1, desiredHealthy: 2 });
    assert.deepEqual(await scene.violated(), []);
  });

  it('says that it was not watched when there is no audit log', async () => {
    const blind = new Scene().build();
    assert.match((await blind.verdict('I4')).unwatched ?? '', /no audit log/);
    assert.equal((await scene.verdict('I4')).unwatched, undefined);
  });
});
