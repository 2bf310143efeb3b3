import assert from 'node:assert/strict';
import { networkCheck } from '../../../operations/src/checks/network';
import type { Check, CheckContext, CheckResult } from '../../../operations/src/checks/check';
import { probeJob } from '../../../operations/src/checks/probe/manifest';
import { NetworkProbe } from '../../../operations/src/checks/probe/networkProbe';
import { awaitHealthy, KubernetesError, stepSettings } from '../../../operations/src/index';
import { judgePod } from '../../../operations/src/actions/podFilters';
import { podProblems } from '../../../operations/src/checks/pods';
import { ended, FakeJobs } from '../support/fakeJobs';
import { World } from '../support/world';

/* eslint-disable @typescript-eslint/no-explicit-any -- objects of any kind, as on the wire */
type Any = any;

const IMAGE = 'registry.test/agnhost:1';
const SLICE = '/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns-x';

describe('network check: a Job on one node (R004-FR7)', () => {
  let world: World;
  let jobs: FakeJobs;
  let stop: AbortController;

  beforeEach(() => {
    world = new World();
    jobs = new FakeJobs(world.kubernetes, world.clock);
    stop = new AbortController();
    world.set({ probeImage: IMAGE });
    dnsOn(['10.244.2.7', 'w2']);
  });

  const dnsOn = (...pods: [address: string, node: string][]): void =>
    world.kubernetes.put(SLICE, {
      metadata: { namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53 },
        { name: 'metrics', protocol: 'TCP', port: 9153 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53 },
      ],
      endpoints: pods.map(([address, nodeName]) => ({ addresses: [address], nodeName, conditions: { ready: true } })),
    });
  const probe = (node: string | undefined = 'w1'): NetworkProbe =>
    new NetworkProbe({ ...(node !== undefined && { node }), write: (act) => act(), signal: stop.signal });
  const context = (made: NetworkProbe | undefined = probe()): CheckContext => {
    const { settings, access } = world.inputs('w1');
    const { kubernetes, talos, proxmox, linstor, clock } = world;
    return { session: { kubernetes, talos, proxmox, linstor }, access, settings, clock, ...(made && { probe: made }) };
  };
  const look = async (ctx = context()): Promise<string> => {
    const result: CheckResult = await world.clock.run(networkCheck.run(ctx));
    return result.outcome === 'skipped' ? `skipped: ${result.why}` : `${result.outcome}: ${result.found}`;
  };
  /** Paths of what is left of Jobs and of their pods. */
  const left = (): string[] =>
    [...world.kubernetes.objects.keys()].filter((path) => /\/jobs\/|\/pods\/prox-ops/.test(path));

  it('shows DNS, service network and pod network from the node, and leaves nothing', async () => {
    assert.equal(await look(), 'pass: on w1: cluster DNS, service network, pod network to w2');
    assert.equal(jobs.made.length, 1);
    assert.deepEqual(left(), []);
  });

  describe('its Job', () => {
    const made = async (): Promise<Any> => {
      await look();
      return jobs.made[0];
    };

    it('has a name of its own, our labels, a limit and no second try', async () => {
      const { metadata, spec } = await made();
      assert.match(metadata.name, /^prox-ops-probe-[0-9a-f]{10}$/);
      assert.equal(metadata.namespace, 'kube-system');
      assert.deepEqual(metadata.labels, {
        'prox-ops.io/probe': 'network',
        'app.kubernetes.io/managed-by': 'prox-ops',
      });
      assert.deepEqual(spec.template.metadata.labels, metadata.labels);
      assert.deepEqual(
        [spec.backoffLimit, spec.activeDeadlineSeconds, spec.ttlSecondsAfterFinished, spec.template.spec.restartPolicy],
        [0, 29, 60, 'Never'],
      );
    });

    it('is where the lease is', async () => {
      world.set({ leaseNamespace: 'rollouts' });
      assert.equal((await made()).metadata.namespace, 'rollouts');
    });

    it('is bound to the node, whatever its taints, and reaches for nothing on it', async () => {
      const { spec } = (await made()).spec.template;
      assert.equal(spec.nodeName, 'w1');
      assert.deepEqual(spec.tolerations, [{ operator: 'Exists' }]);
      for (const key of ['hostNetwork', 'hostPID', 'volumes', 'serviceAccountName']) assert.equal(spec[key], undefined);
      assert.equal(spec.automountServiceAccountToken, false);
    });

    it('passes the restricted level of PodSecurity, with limits', async () => {
      const { spec } = (await made()).spec.template;
      assert.equal(spec.securityContext.runAsNonRoot, true);
      assert.deepEqual(spec.securityContext.seccompProfile, { type: 'RuntimeDefault' });
      assert.equal(spec.containers.length, 3);
      for (const { securityContext, resources, image } of spec.containers) {
        assert.equal(image, IMAGE);
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        assert.deepEqual(Object.keys(resources.limits), ['cpu', 'memory']);
      }
    });

    it('connects by name, by the address of the service, and to a pod elsewhere', async () => {
      const { containers } = (await made()).spec.template.spec;
      assert.deepEqual(
        containers.map(({ name, args }: Any) => [name, ...args]),
        [
          ['cluster-dns', 'connect', 'kubernetes.default.svc:443', '--timeout=8s'],
          ['service-network', 'connect', '[$(KUBERNETES_SERVICE_HOST)]:$(KUBERNETES_SERVICE_PORT)', '--timeout=8s'],
          ['pod-network', 'connect', '[10.244.2.7]:53', '--timeout=8s'],
        ],
      );
      for (const { terminationMessagePolicy } of containers)
        assert.equal(terminationMessagePolicy, 'FallbackToLogsOnError');
    });
  });

  it('a CoreDNS pod on the node itself is no proof of the pod network', async () => {
    dnsOn(['10.244.1.7', 'w1'], ['10.244.3.7', 'w3']);
    assert.match(await look(), /pod network to w3$/);
    dnsOn(['10.244.1.7', 'w1']);
    assert.match(
      await look(),
      /^pass: on w1: cluster DNS, service network, pod network not probed: no CoreDNS pod on another node$/,
    );
    assert.equal(jobs.made[1].spec.template.spec.containers.length, 2);
  });

  it('without a node of its own it runs on a worker in service', async () => {
    world.ready('w1', false);
    Object.assign(world.node('w2'), { spec: { unschedulable: true } });
    for (const name of ['c1', 'c2', 'c3'])
      Object.assign(world.node(name).metadata, { labels: { 'node-role.kubernetes.io/control-plane': '' } });
    assert.match(await look(context(new NetworkProbe({ write: (act) => act(), signal: stop.signal }))), /^pass: on w3/);
  });

  describe('skipped', () => {
    it('where the stack file switches it off', async () => {
      const off = stepSettings({ rollout: { networkProbe: false, probeImage: IMAGE } });
      const on = stepSettings({ rollout: { networkProbe: true, probeImage: IMAGE } });
      assert.deepEqual([off.probeImage, on.probeImage], [undefined, IMAGE]);
      const skipped = await look({ ...context(), settings: off });
      assert.equal(skipped, 'skipped: switched off (rollout.networkProbe)');
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('where nothing may be written', async () => {
      const { probe: none, ...reading } = context();
      assert.ok(none);
      assert.equal(await look(reading), 'skipped: this command makes no Job in the cluster');
      assert.deepEqual(world.kubernetes.writes, []);
    });
  });

  describe('fails', () => {
    afterEach(() => assert.deepEqual(left(), []));

    it('naming each way that carries nothing, in the words of who tried it', async () => {
      jobs.outcome = (job) =>
        ended(job, {
          'cluster-dns': { exitCode: 1, message: 'DNS: lookup kubernetes.default.svc: i/o timeout\n' },
          'pod-network': { exitCode: 1, message: 'TIMEOUT\n' },
        });
      assert.equal(
        await look(),
        'fail: probe on w1: cluster DNS (kubernetes.default.svc): DNS: lookup kubernetes.default.svc: i/o timeout; ' +
          'pod network (10.244.2.7 on w2): TIMEOUT',
      );
    });

    it('with the exit code of a container that says nothing', async () => {
      jobs.outcome = (job) => ended(job, { 'service-network': { exitCode: 137 } });
      assert.match(await look(), /service network \(the API's address\): exit code 137$/);
    });

    it('an image that cannot be pulled, named', async () => {
      const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' };
      jobs.outcome = () => ({ phase: 'Pending', containerStatuses: [{ name: 'cluster-dns', state: { waiting } }] });
      assert.equal(
        await look(),
        `fail: probe on w1: its image ${IMAGE} cannot be pulled (rollout.probeImage): ImagePullBackOff: Back-off pulling image`,
      );
    });

    it('containers that are not started', async () => {
      const waiting = { reason: 'CreateContainerConfigError', message: 'container has runAsNonRoot' };
      jobs.outcome = () => ({ phase: 'Pending', containerStatuses: [{ name: 'cluster-dns', state: { waiting } }] });
      assert.match(
        await look(),
        /its containers do not start: CreateContainerConfigError: container has runAsNonRoot$/,
      );
    });

    it('a pod that is not created, with the API server’s reason', async () => {
      jobs.refused = 'pods "prox-ops-probe" is forbidden: exceeded quota: pods';
      assert.match(
        await look(),
        /its pod could not be created: pods "prox-ops-probe" is forbidden: exceeded quota: pods$/,
      );
    });

    it('a Job that is not created, with the API server’s reason', async () => {
      world.kubernetes.onWrite = (line) => {
        if (line.endsWith('/jobs')) throw new KubernetesError(403, 'Forbidden', 'jobs.batch is forbidden', line);
      };
      assert.equal(await look(), 'fail: probe on w1: its Job could not be created: jobs.batch is forbidden');
    });

    it('a pod that the kubelet refuses', async () => {
      jobs.outcome = () => ({ phase: 'Failed', reason: 'OutOfcpu', message: 'Node didn’t have enough resource: cpu' });
      assert.match(await look(), /its pod failed: OutOfcpu: Node didn’t have enough resource: cpu$/);
    });

    it('at its deadline, saying what it was at', async () => {
      const running = { name: 'pod-network', state: { running: {} } };
      const over = { name: 'cluster-dns', state: { terminated: { exitCode: 0 } } };
      jobs.outcome = () => ({ phase: 'Running', containerStatuses: [over, running] });
      const began = world.clock.now();
      assert.equal(await look(), 'fail: probe on w1: it had not ended after 24 s: pod-network runs');
      assert.ok(world.clock.now() - began < 30_000, 'within the time for one check');
    });

    it('and is put away when the run is stopped', async () => {
      jobs.outcome = () => ({ phase: 'Running', containerStatuses: [] });
      world.clock.after(2_000, () => stop.abort());
      await assert.rejects(world.clock.run(networkCheck.run(context())), /abort/i);
      assert.equal(jobs.made.length, 1);
    });
  });

  it('an answer that was lost when the Job was made is no failure', async () => {
    const create = world.kubernetes.create.bind(world.kubernetes);
    world.kubernetes.create = async (path, body) => {
      await create(path, body);
      return create(path, body);
    };
    assert.match(await look(), /^pass/);
  });

  it('a Job that cannot be deleted is told, and is no failure of the network', async () => {
    world.kubernetes.onWrite = (line) => {
      if (line.startsWith('DELETE')) throw new KubernetesError(500, '', 'etcd is full', line);
    };
    assert.match(
      await look(),
      /^pass: .*; not deleted, and gone by itself within minutes: prox-ops-probe-\S+ \(.*etcd is full\)$/,
    );
  });

  it('what a killed run left is removed, and a probe that may still be looked at is not', async () => {
    const job = (name: string, seconds: number): void => {
      const spec = { name, namespace: 'kube-system', node: 'w3', image: IMAGE, seconds: 24 };
      const body = probeJob(spec) as Any;
      const creationTimestamp = new Date(world.clock.now() - seconds * 1000).toISOString();
      world.kubernetes.put(`/apis/batch/v1/namespaces/kube-system/jobs/${name}`, {
        ...body,
        metadata: { ...body.metadata, creationTimestamp },
      });
    };
    job('prox-ops-probe-old', 60);
    job('prox-ops-probe-new', 10);
    world.kubernetes.put('/apis/batch/v1/namespaces/kube-system/jobs/foreign', {
      metadata: { namespace: 'kube-system', creationTimestamp: '2020-01-01T00:00:00Z' },
    });
    await look();
    assert.deepEqual(
      left().map((path) => path.split('/').pop()),
      ['prox-ops-probe-new', 'foreign'],
    );
  });

  describe('while a node is waited for', () => {
    const outcomes = (...wanted: boolean[]): Check => {
      let round = 0;
      const run = (): Promise<CheckResult> => {
        const good = wanted[round++] ?? true;
        return Promise.resolve(
          good ? { outcome: 'pass', found: '' } : { outcome: 'fail', expected: '', found: 'not yet' },
        );
      };
      return { id: 'other', describe: '', how: '', run };
    };
    const healthy = async (other: Check): Promise<void> => {
      const options = { signal: stop.signal, report: () => undefined, checks: [networkCheck, other] };
      const report = await world.clock.run(awaitHealthy(context(), options));
      assert.equal(report.ok, true);
    };

    it('one probe that passed stands, however long something else takes', async () => {
      await healthy(outcomes(false, false, false, true, true));
      assert.equal(jobs.made.length, 1);
    });

    it('another one is made when what was well is so no more', async () => {
      await healthy(outcomes(true, false, true, true));
      assert.equal(jobs.made.length, 2);
    });

    it('one that failed is made again', async () => {
      jobs.outcome = (job) => {
        const exitCode = jobs.made.length < 3 ? 1 : 0;
        return ended(job, { 'pod-network': { exitCode } });
      };
      await healthy(outcomes());
      assert.equal(jobs.made.length, 3);
    });
  });

  describe('its pod', () => {
    const pod = (phase: string): Any => {
      const spec = { name: 'prox-ops-probe-x', namespace: 'kube-system', node: 'w1', image: IMAGE, seconds: 24 };
      const { template } = (probeJob(spec) as Any).spec;
      return {
        metadata: {
          ...template.metadata,
          name: 'prox-ops-probe-x-1',
          namespace: 'kube-system',
          ownerReferences: [{ kind: 'Job', name: 'prox-ops-probe-x', controller: true }],
        },
        spec: template.spec,
        status: { phase },
      };
    };

    it('is no trouble of the critical namespace that it is in', () => {
      for (const phase of ['Pending', 'Running', 'Failed', 'Succeeded'])
        assert.deepEqual(podProblems(pod(phase), world.clock.now()), []);
    });

    it('does not hinder a drain', () => {
      for (const phase of ['Running', 'Succeeded', 'Failed'])
        assert.deepEqual(judgePod(pod(phase), { deleteEmptyDirData: false, evictUnmanagedPods: false }), {
          kind: 'evict',
        });
    });
  });
});
