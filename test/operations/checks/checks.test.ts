import assert from 'node:assert/strict';
import {
  CHECKS,
  awaitHealthy,
  runChecks,
  type Check,
  type CheckContext,
  type HealthReport,
} from '../../../operations/src/index';
import { fail, pass, skipped } from '../../../operations/src/checks/check';
import { World } from '../support/world';

describe('health checks (R004-FR7)', () => {
  let world: World;

  beforeEach(() => void (world = new World()));

  const context = (): CheckContext => {
    const { settings, access } = world.inputs('w1');
    const { kubernetes, talos, proxmox, linstor, clock } = world;
    return {
      session: { kubernetes, talos, proxmox, ...(world.withoutLinstor ? {} : { linstor }) },
      access,
      settings,
      clock,
    };
  };
  const look = async (id: string): Promise<string> => {
    const check = CHECKS.find((candidate) => candidate.id === id) ?? assert.fail(id);
    const result = await world.clock.run(check.run(context()));
    if (result.outcome === 'skipped') return `skipped: ${result.why}`;
    return `${result.outcome}: ${result.found}`;
  };
  const conditions = (ready: boolean, message = ''): object => ({
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', message }],
  });

  it('are seven, in the order of the requirement', () => {
    assert.deepEqual(
      CHECKS.map(({ id }) => id),
      ['nodes', 'pods', 'storage', 'flux', 'dns', 'network', 'gpu'],
    );
  });

  describe('nodes', () => {
    it('all Ready', async () => assert.equal(await look('nodes'), 'pass: 6 nodes Ready, 3 voters in etcd'));

    it('one not Ready, one under pressure, one cordoned by us', async () => {
      world.ready('w1', false);
      world.kubernetes.at('/api/v1/nodes/w2').status.conditions.push({ type: 'DiskPressure', status: 'True' });
      world.kubernetes.at('/api/v1/nodes/w3').metadata.annotations = { 'prox-ops.io/cordoned-by': 'x' };
      assert.equal(await look('nodes'), 'fail: w1 is not Ready; w2: DiskPressure; w3: cordoned by prox-ops');
    });

    it('etcd: as many healthy voters as control planes', async () => {
      delete world.machine('c3').member;
      assert.match(
        await look('nodes'),
        /^fail: 10\.0\.0\.3: etcd service is not running; 2 members for 3 control planes$/,
      );
      Object.assign(world.machine('c2').member ?? {}, { learner: true });
      assert.match(await look('nodes'), /etcd member c2 is a learner still/);
    });

    it('an etcd that nobody answers for hides no node that is not Ready', async () => {
      world.ready('w1', false);
      for (const name of ['c1', 'c2', 'c3']) world.machine(name).reachable = false;
      assert.match(await look('nodes'), /^fail: w1 is not Ready; expected the etcd member list from a control plane/);
    });
  });

  describe('pods', () => {
    it('running, finished, ending and newly Pending ones are fine', async () => {
      world.pod('a', 'w1');
      world.pod('job', 'w1', { status: { phase: 'Succeeded', conditions: [] } });
      world.pod('old', 'w1', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Pending' } });
      world.pod('new', 'w1', { status: { phase: 'Pending', conditions: [] } });
      assert.equal(await look('pods'), 'pass: 4 pods');
    });

    it('CrashLoopBackOff, also of an init container', async () => {
      const waiting = [{ name: 'x', state: { waiting: { reason: 'CrashLoopBackOff' } } }];
      world.pod('a', 'w1', { status: { containerStatuses: waiting } });
      world.pod('b', 'w1', { status: { initContainerStatuses: waiting } });
      assert.equal(await look('pods'), 'fail: default/a: CrashLoopBackOff; default/b: CrashLoopBackOff');
    });

    it('Pending for more than 5 minutes', async () => {
      world.pod('a', 'w1', { status: { phase: 'Pending', conditions: [] } });
      await world.clock.pass(6 * 60_000);
      assert.equal(await look('pods'), 'fail: default/a: Pending for 6 min');
    });

    it('not Ready matters in the critical namespaces alone', async () => {
      world.pod('a', 'w1', { status: conditions(false) });
      world.kubernetes.put('/api/v1/namespaces/kube-system/pods/proxy', {
        metadata: { namespace: 'kube-system', ownerReferences: [{ kind: 'DaemonSet', name: 'p' }] },
        status: { phase: 'Running', ...conditions(false) },
      });
      assert.equal(await look('pods'), 'fail: kube-system/proxy: not Ready');
    });
  });

  describe('storage', () => {
    it('nothing to check', async () => {
      world.withoutLinstor = true;
      assert.equal(await look('storage'), 'skipped: no LINSTOR, no Ceph and no CSI driver');
    });

    it('a faulty resource and an offline satellite', async () => {
      world.linstor.replica('pvc-1', 'w1', 1, { flags: ['INACTIVE'] });
      world.linstor.find('w2').connection_status = 'OFFLINE';
      assert.equal(await look('storage'), 'fail: pvc-1 on w1: INACTIVE; satellite w2: OFFLINE');
    });

    it('Ceph that is not HEALTH_OK, with its reasons', async () => {
      const ceph = { health: 'HEALTH_WARN', details: { OSD_DOWN: { message: '1 osds down' } } };
      world.kubernetes.put('/apis/ceph.rook.io/v1/namespaces/rook/cephclusters/rook', {
        metadata: { namespace: 'rook' },
        status: { ceph },
      });
      assert.equal(await look('storage'), 'fail: Ceph rook/rook: HEALTH_WARN, OSD_DOWN 1 osds down');
      ceph.health = 'HEALTH_OK';
      assert.equal(await look('storage'), 'pass: LINSTOR (3 nodes), Ceph');
    });

    it('a CSI pod that is not Ready', async () => {
      world.pod('linstor-csi-node-x', 'w1', { status: conditions(false) });
      assert.equal(await look('storage'), 'fail: CSI pod default/linstor-csi-node-x is not Ready');
    });

    it('an unreachable controller is a failure, not a pass', async () => {
      world.linstor.down = true;
      const report = await world.clock.run(runChecks(context()));
      assert.match(report.summary, /storage: connection refused/);
    });
  });

  it('flux: Kustomizations and HelmReleases Ready, suspended ones left alone', async () => {
    assert.equal(await look('flux'), 'skipped: no Flux objects');
    const put = (name: string, status: object, spec = {}): void =>
      world.kubernetes.put(`/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux/kustomizations/${name}`, {
        metadata: { namespace: 'flux' },
        spec,
        status,
      });
    put('apps', conditions(true));
    put('paused', conditions(false), { suspend: true });
    assert.equal(await look('flux'), 'pass: 2 Flux objects');
    world.kubernetes.put('/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux/helmreleases/cilium', {
      metadata: { namespace: 'flux' },
      status: conditions(false, 'install retries exhausted'),
    });
    assert.equal(await look('flux'), 'fail: HelmRelease flux/cilium: install retries exhausted');
  });

  it('dns: CoreDNS available with endpoints', async () => {
    assert.equal(await look('dns'), 'pass: 1 endpoints');
    world.kubernetes.at('/apis/apps/v1/namespaces/kube-system/deployments/coredns').status.availableReplicas = 1;
    world.kubernetes.at('/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns-x').endpoints = [];
    assert.equal(await look('dns'), 'fail: coredns: 1 of 2 replicas available; the service kube-dns has no endpoint');
  });

  it('gpu: offered where the machine has one, by capacity or by label', async () => {
    assert.equal(await look('gpu'), 'skipped: no node with a GPU');
    const node = (name: string): { status: Record<string, unknown>; metadata: Record<string, unknown> } =>
      world.kubernetes.at(`/api/v1/nodes/${name}`);
    Object.assign(node('w1').status, { capacity: { 'nvidia.com/gpu': '2' }, allocatable: { 'nvidia.com/gpu': '2' } });
    assert.equal(await look('gpu'), 'pass: 1 nodes with GPUs');
    node('w2').metadata['labels'] = { 'nvidia.com/gpu.present': 'true' };
    assert.equal(await look('gpu'), 'fail: w2: 0 of 1 GPUs allocatable');
  });

  describe('runner', () => {
    const good: Check = { id: 'good', describe: 'is good', how: '', run: () => Promise.resolve(pass('fine')) };
    const bad: Check = { id: 'bad', describe: 'is bad', how: '', run: () => Promise.resolve(fail('good', 'bad')) };
    const never: Check = { id: 'never', describe: 'never ends', how: '', run: () => new Promise(() => undefined) };
    const healthy = async (checks: Check[]): Promise<{ report: HealthReport; told: string[] }> => {
      const told: string[] = [];
      const options = { signal: new AbortController().signal, report: (line: string) => void told.push(line), checks };
      return { report: await world.clock.run(awaitHealthy(context(), options)), told };
    };

    it('says N/N, and what was skipped', async () => {
      const other: Check = {
        id: 'other',
        describe: 'no',
        how: '',
        run: () => Promise.resolve(skipped('not installed')),
      };
      const { report } = await healthy([good, other]);
      assert.deepEqual([report.ok, report.summary], [true, '1/1 checks passed (skipped other: not installed)']);
    });

    it('says what was still wrong at the last try, after healthTries within healthTimeout', async () => {
      const start = world.clock.now();
      const { report, told } = await healthy([good, bad]);
      assert.deepEqual([report.ok, report.summary], [false, '1/2 checks passed; bad: bad']);
      assert.equal(told.length, 3);
      assert.match(told[2] ?? '', /try 3 of 3: 1\/2 checks passed; bad: bad/);
      assert.ok(Math.abs(world.clock.now() - start - 300_000) < 10_000);
    });

    it('a check that throws has failed; one that never ends has failed after healthCheckTimeout', async () => {
      const throws: Check = {
        id: 'throws',
        describe: 'throws',
        how: '',
        run: () => Promise.reject(new Error('no way')),
      };
      const report = await world.clock.run(runChecks(context(), [throws, never]));
      assert.equal(report.summary, '0/2 checks passed; throws: no way; never: no result within 30 s');
    });

    it('one failure starts the count of passes again', async () => {
      const outcomes = [true, false, true, true];
      let rounds = 0;
      const flaky: Check = {
        ...good,
        run: () => Promise.resolve(outcomes[rounds++] ? pass('fine') : fail('fine', 'flaked')),
      };
      const { report } = await healthy([flaky]);
      assert.deepEqual([report.ok, rounds], [true, 4]);
    });
  });
});
