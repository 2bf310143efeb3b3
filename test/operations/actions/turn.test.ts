import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join, leave } from '../../../operations/src/index';
import { expectStop } from '../support/expectStop';
import { ended, FakeJobs } from '../support/fakeJobs';
import { LEASE, World, type Run } from '../support/world';

describe('turn: the lease that serialises rollouts (R000-2)', () => {
  let world: World;
  let run: Run;

  beforeEach(() => {
    world = new World();
    run = world.run('run-1');
  });

  afterEach(() => rmSync(world.snapshots, { recursive: true, force: true }));

  const leaveTurn = (node: string, by = run): Promise<void> =>
    world.clock.run(leave('turn', world.inputs(node), by.ctx, by.deps));

  /** Another run has the lease from now on. */
  const takeOver = (): void => {
    const lease = world.kubernetes.at(LEASE);
    const annotations = { ...lease.metadata.annotations, 'prox-ops.io/run': 'run-2' };
    world.kubernetes.put(LEASE, { ...lease, metadata: { ...lease.metadata, annotations } });
  };

  it('takes the lease, says who, which node and run, and passes the preflight', async () => {
    await leaveTurn('w1');
    const { spec, metadata } = world.lease() ?? assert.fail();
    assert.equal(spec['holderIdentity'], 'tester@here:run-1');
    assert.match(String(spec['renewTime']), /^\d{4}-.*\.\d{6}Z$/);
    assert.equal(metadata.annotations['prox-ops.io/node'], 'w1');
    assert.equal(metadata.annotations['prox-ops.io/run'], 'run-1');
    assert.match(world.told, /\[w1\] turn: preflight passed/);
  });

  it('renews while it is held', async () => {
    await leaveTurn('w1');
    const before = world.lease()?.spec['renewTime'];
    await world.clock.pass(11_000);
    assert.notEqual(world.lease()?.spec['renewTime'], before);
  });

  it('stops renewing when its engine is gone, so that the next run need not wait', async () => {
    await leaveTurn('w1');
    world.engineAlive = false;
    await world.clock.pass(11_000);
    const before = world.lease()?.spec['renewTime'];
    world.engineAlive = true;
    await world.clock.pass(30_000);
    assert.equal(world.lease()?.spec['renewTime'], before);
  });

  it('is safe to repeat', async () => {
    await leaveTurn('w1');
    await leaveTurn('w1');
    assert.equal(world.lease()?.metadata.annotations['prox-ops.io/node'], 'w1');
  });

  it('fails at once, naming a holder that lives', async () => {
    await leaveTurn('w1');
    world.proofs.set('run-1', false);
    const before = world.clock.now();
    const other = world.run('run-2');
    await expectStop(leaveTurn('w1', other), /tester@here:run-1 holds it/, /wait until tester@here:run-1/);
    assert.ok(world.clock.now() - before < 1000);
  });

  it('refuses a second node while another one is out, even by the same run, and names both ways on', async () => {
    await leaveTurn('w1');
    const error = await expectStop(leaveTurn('w2'), /node w1 is out of the cluster/, /prox-ops roll/, /prox-ops abort/);
    assert.equal(error.node, 'w2');
    assert.equal(world.lease()?.metadata.annotations['prox-ops.io/node'], 'w1');
  });

  it('refuses a second node when the run that took the first one out is long dead', async () => {
    await leaveTurn('w1');
    world.proofs.set('run-1', true);
    await expectStop(leaveTurn('w2', world.run('run-2')), /node w1 is out/, /prox-ops roll/);
  });

  it('takes over from a holder that is proved gone, for the same node', async () => {
    await leaveTurn('w1');
    world.proofs.set('run-1', true);
    await leaveTurn('w1', world.run('run-2'));
    assert.equal(world.lease()?.spec['holderIdentity'], 'tester@here:run-2');
    assert.match(world.told, /took the lease over from tester@here:run-1, which is gone/);
  });

  it('refuses a holder on another machine that renewed lately', async () => {
    await leaveTurn('w1');
    await expectStop(leaveTurn('w1', world.run('run-2')), /renewed \d+ s ago/);
  });

  it('takes over from another machine only when it renews nothing for the lease’s duration by our own clock', async () => {
    await leaveTurn('w1');
    world.engineAlive = false;
    await world.clock.pass(60_000);
    world.engineAlive = true;
    const before = world.clock.now();
    await leaveTurn('w1', world.run('run-2'));
    assert.ok(world.clock.now() - before >= 30_000);
    assert.equal(world.lease()?.spec['holderIdentity'], 'tester@here:run-2');
  });

  it('refuses another machine’s holder whose clock is behind, once it is seen to renew', async () => {
    await leaveTurn('w1');
    const behind = (): void => {
      const lease = world.kubernetes.at(LEASE);
      const renewTime = new Date(world.clock.now() - 3_600_000).toISOString();
      world.kubernetes.put(LEASE, { ...lease, spec: { ...lease.spec, renewTime } });
    };
    behind();
    world.clock.after(15_000, behind);
    const taking = leave('turn', world.inputs('w1'), world.run('run-2').ctx, world.run('run-2').deps);
    await expectStop(world.clock.run(taking), /holds it and renews it/);
  });

  it('survives a write whose answer was lost: the lease it finds is its own, and is given back on failure', async () => {
    world.ready('w3', false);
    const { kubernetes } = world;
    const create = kubernetes.create.bind(kubernetes);
    kubernetes.create = async (path, body) => {
      await create(path, body);
      // The first try got through and its connection broke; the client's second try met the first one's result.
      return create(path, body);
    };
    await expectStop(leaveTurn('w1'), /node w3 is not Ready/, /the lease was given back/);
    assert.equal(world.lease()?.spec['holderIdentity'], '');
  });

  it('keeps other people’s annotations on the lease', async () => {
    world.kubernetes.put(LEASE, { metadata: { namespace: 'kube-system', annotations: { team: 'storage' } }, spec: {} });
    await leaveTurn('w1');
    assert.equal(world.lease()?.metadata.annotations['team'], 'storage');
  });

  describe('preflight (R000-3, R000-7)', () => {
    it('another node not Ready: nothing begins and the lease is given back', async () => {
      world.ready('c2', false);
      await expectStop(leaveTurn('w1'), /node c2 is not Ready/, /the lease was given back, nothing was changed/);
      assert.equal(world.lease()?.spec['holderIdentity'], '');
      assert.equal(world.lease()?.metadata.annotations['prox-ops.io/node'], undefined);
    });

    it('a node that the run before left open stays open when the preflight fails', async () => {
      await leaveTurn('w1');
      world.ready('c2', false);
      await expectStop(leaveTurn('w1'), /stays open for this node/);
      assert.equal(world.lease()?.metadata.annotations['prox-ops.io/node'], 'w1');
    });

    describe('what was broken before', () => {
      const KUSTOMIZATION = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux/kustomizations/apps';
      const crashing = { containerStatuses: [{ name: 'x', state: { waiting: { reason: 'CrashLoopBackOff' } } }] };
      const owned = (name: string, spec = {}) => ({
        metadata: { ownerReferences: [{ kind: 'ReplicaSet', name, controller: true }] },
        spec,
        status: crashing,
      });
      const joinTurn = (): Promise<unknown> => world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));

      it('is told, and not held against the node; pods that were made again are known by their owner', async () => {
        world.pod('web-1', 'w1', owned('web'));
        world.kubernetes.put(KUSTOMIZATION, { metadata: { namespace: 'flux' }, status: { conditions: [] } });
        await leaveTurn('w1');
        assert.match(world.told, /broken before this turn, and not held against it: pods: default\/web-1: Crash/);
        world.kubernetes.remove('/api/v1/namespaces/default/pods/web-1');
        world.pod('web-2', 'w2', owned('web'));
        await joinTurn();
        assert.match(world.told, /broken before, and still: pods: default\/web-2: .*; flux: Kustomization flux\/apps/);
        assert.equal(world.lease()?.spec['holderIdentity'], '');
        assert.equal(world.lease()?.metadata.annotations['prox-ops.io/before'], undefined);
      });

      it('a second pod of the same workload, and another workload, are new troubles', async () => {
        world.pod('web-1', 'w1', owned('web'));
        await leaveTurn('w1');
        world.pod('web-2', 'w2', owned('web'));
        world.pod('db-0', 'w2', owned('db'));
        await expectStop(joinTurn(), /pods: default\/web-2: CrashLoopBackOff; default\/db-0: CrashLoopBackOff/);
      });

      it('is looked at once: a node that is out already may be the reason for what is broken by now', async () => {
        await leaveTurn('w1');
        world.pod('web-1', 'w2', owned('web'));
        await leaveTurn('w1');
        await expectStop(joinTurn(), /pods: default\/web-1: CrashLoopBackOff/);
      });

      it('storage is no matter of getting used to: Ceph not well, and nothing begins', async () => {
        world.kubernetes.put('/apis/ceph.rook.io/v1/namespaces/rook/cephclusters/rook', {
          metadata: { namespace: 'rook' },
          status: { ceph: { health: 'HEALTH_WARN', details: { OSD_DOWN: { message: '1 osds down' } } } },
        });
        await expectStop(leaveTurn('w1'), /ceph: Ceph rook\/rook: HEALTH_WARN, OSD_DOWN/, /nothing was changed/);
      });
    });

    it('its own node may be down', async () => {
      world.ready('w1', false);
      await leaveTurn('w1');
    });

    it('another cordoned node is an obstacle, whoever cordoned it', async () => {
      const node = world.kubernetes.at('/api/v1/nodes/w2');
      world.kubernetes.put('/api/v1/nodes/w2', { ...node, spec: { unschedulable: true } });
      await expectStop(leaveTurn('w1'), /node w2 is cordoned by somebody else/);
      world.kubernetes.put('/api/v1/nodes/w2', {
        ...node,
        metadata: { ...node.metadata, annotations: { 'prox-ops.io/cordoned-by': 'x' } },
      });
      await expectStop(leaveTurn('w1'), /node w2 is cordoned by prox-ops still/);
    });

    it('a control plane whose leaving would cost etcd its quorum', async () => {
      world.machine('c2').reachable = false;
      await expectStop(leaveTurn('c1'), /at least 2 healthy etcd voters without this node/, /1 of 2 healthy/);
    });

    it('a member that is a learner still, before the next control plane', async () => {
      Object.assign(world.machine('c2').member ?? {}, { learner: true });
      await expectStop(leaveTurn('w1'), /etcd member c2 is a learner still/);
    });

    it('a control plane without member whose node is there still: it has to come back first', async () => {
      delete world.machine('c3').member;
      world.machine('c3').reachable = false;
      await expectStop(leaveTurn('c2'), /no etcd member answers at 10\.0\.0\.3/);
    });

    it('a control plane that its own inputs still name and that has left for good is not asked for', async () => {
      world.talos.machines.delete('10.0.0.3');
      world.kubernetes.remove('/api/v1/nodes/c3');
      await leaveTurn('c2');
    });

    it('a member that is left of a control plane without node is asked for', async () => {
      world.machine('c3').reachable = false;
      world.kubernetes.remove('/api/v1/nodes/c3');
      await expectStop(leaveTurn('w1'), /etcd member c3 is not healthy/, /no etcd member answers at 10\.0\.0\.3/);
    });

    it('a faulty LINSTOR resource anywhere', async () => {
      world.linstor.replica('pvc-1', 'w2', 1, { flags: ['INACTIVE'] });
      await expectStop(leaveTurn('w1'), /pvc-1 on w2: INACTIVE/);
    });

    it('a satellite of another node offline, or flagged by somebody', async () => {
      world.linstor.find('w2').connection_status = 'OFFLINE';
      world.linstor.find('w3').flags = ['EVACUATE'];
      await expectStop(leaveTurn('w1'), /satellite w2: OFFLINE/, /satellite w3: EVACUATE/);
    });

    it('an unreachable LINSTOR controller is unsafe, and says so soon', async () => {
      world.linstor.down = true;
      const before = world.clock.now();
      await expectStop(leaveTurn('w1'), /silent one counts as unsafe/, /the lease was given back/);
      assert.ok(world.clock.now() - before <= 15_000);
    });

    it('replicas that move at our own wish do not stop a resumed leave', async () => {
      await leaveTurn('w1');
      const lease = world.kubernetes.at(LEASE);
      lease.metadata.annotations['prox-ops.io/evacuation'] = 'asked';
      world.linstor.replica('pvc-1', 'w2', 1, { flags: ['DELETE'] });
      await leaveTurn('w1');
    });
  });

  describe('join', () => {
    it('a node that never left: nothing is written, no check is made', async () => {
      world.ready('w3', false);
      const found = await world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
      assert.deepEqual(found, { checks: 'not due' });
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('all checks passed: the lease is free for the next node', async () => {
      await leaveTurn('w1');
      const found = await world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
      assert.deepEqual(found, { checks: '4/4' });
      assert.match(
        world.told,
        /4\/4 checks passed \(skipped flux: no Flux objects; network: switched off \(rollout\.networkProbe\); gpu: no node with a GPU\)/,
      );
      await leaveTurn('w2');
    });

    describe('the network of the node that came back', () => {
      let jobs: FakeJobs;

      beforeEach(() => {
        jobs = new FakeJobs(world.kubernetes, world.clock);
        world.set({ probeImage: 'registry.test/agnhost:1' });
      });

      it('is probed once, on that node, though the checks must pass twice', async () => {
        await leaveTurn('w1');
        const found = await world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
        assert.deepEqual(found, { checks: '5/5' });
        assert.deepEqual(
          jobs.made.map((job) => job.spec.template.spec.nodeName),
          ['w1'],
        );
      });

      it('is not probed by a run that lost its lease, which stops at once', async () => {
        await leaveTurn('w1');
        const began = world.clock.now();
        const list = world.kubernetes.list.bind(world.kubernetes);
        world.kubernetes.list = (path, query) => {
          // Right before the probe: the checks look for a pod to connect to.
          if (path.endsWith('/endpointslices')) takeOver();
          return list(path, query);
        };
        const joining = world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
        await expectStop(joining, /no longer allowed to write/, /everything as the run that is over left it/);
        assert.deepEqual(jobs.made, []);
        assert.ok(world.clock.now() - began < 10_000);
      });

      it('does not carry: the node stays out with what failed', async () => {
        await leaveTurn('w1');
        jobs.outcome = (job) => ended(job, { 'service-network': { exitCode: 1, message: 'TIMEOUT' } });
        const joining = world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
        await expectStop(
          joining,
          /network: probe on w1: service network \(the API's address\): TIMEOUT/,
          /prox-ops rollback/,
        );
        assert.ok(jobs.made.length > 0);
        assert.deepEqual(
          [...world.kubernetes.objects.keys()].filter((path) => path.includes('/jobs/')),
          [],
        );
      });
    });

    it('a check that does not pass: the lease stays, so that no other node goes', async () => {
      await leaveTurn('w1');
      world.ready('w3', false);
      const joining = world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
      await expectStop(joining, /nodes: w3 is not Ready/, /prox-ops rollback/);
      await expectStop(leaveTurn('w2'), /node w1 is out/);
    });

    it('a run that was killed left the node open: the next run joins it in its place', async () => {
      await leaveTurn('w1');
      world.proofs.set('run-1', true);
      const next = world.run('run-2');
      await world.clock.run(join('turn', world.inputs('w1'), next.ctx, next.deps));
      assert.equal(world.lease()?.spec['holderIdentity'], '');
    });

    it('a drain that was killed half way never joins: its cordon is taken back here', async () => {
      await leaveTurn('w1');
      await world.clock.run(leave('drain', world.inputs('w1'), run.ctx, run.deps));
      await world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
      assert.notEqual(world.node('w1').spec?.unschedulable, true);
      assert.equal(world.lease()?.spec['holderIdentity'], '');
    });

    it('so is an evacuation that was killed half way, which the lease knows to be ours', async () => {
      await leaveTurn('w1');
      world.kubernetes.at(LEASE).metadata.annotations['prox-ops.io/evacuation'] = 'asked';
      world.linstor.find('w1').flags = ['EVACUATE'];
      await world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
      assert.deepEqual(world.linstor.writes, ['restore w1']);
      assert.deepEqual(world.linstor.find('w1').flags ?? [], []);
    });

    it('so is an etcd member that had left when its step was killed: drained, booted, back, in service', async () => {
      const { member } = world.machine('c1');
      assert.ok(member);
      await leaveTurn('c1');
      await world.clock.run(leave('etcd', world.inputs('c1'), run.ctx, run.deps));
      const cordonedAtBoot: unknown[] = [];
      world.talos.onReboot = (machine) => {
        cordonedAtBoot.push(world.node('c1').spec?.unschedulable);
        Object.assign(machine, { bootId: 'boot-again', etcdStopped: false, member });
      };
      const found = await world.clock.run(join('turn', world.inputs('c1'), run.ctx, run.deps));
      assert.deepEqual(found, { checks: '4/4' });
      assert.deepEqual(cordonedAtBoot, [true]);
      assert.notEqual(world.node('c1').spec?.unschedulable, true);
    });

    it('neither a cordon nor an evacuation of somebody else is taken back', async () => {
      await leaveTurn('w1');
      world.node('w1').spec = { unschedulable: true };
      await world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
      assert.equal(world.node('w1').spec?.unschedulable, true);
      assert.deepEqual(world.linstor.writes, []);
    });

    it('waits for a Kubernetes API that is not up yet: silence never passes for ‘never left’', async () => {
      world.kubernetes.down = true;
      world.clock.after(60_000, () => void (world.kubernetes.down = false));
      await world.clock.run(join('turn', world.inputs('w1'), run.ctx, run.deps));
      assert.match(world.told, /waiting: the Kubernetes API to answer/);
    });
  });

  describe('fence', () => {
    it('a step whose lease was taken over writes nothing more, and undoes nothing', async () => {
      await leaveTurn('w1');
      world.pod('web', 'w1');
      world.kubernetes.onEvict = () => {
        throw new Error('must not be reached');
      };
      world.kubernetes.onWrite = (line) => {
        if (!line.startsWith('PATCH')) return;
        world.kubernetes.onWrite = () => undefined;
        takeOver();
      };
      const draining = world.clock.run(leave('drain', world.inputs('w1'), run.ctx, run.deps));
      await expectStop(draining, /no longer allowed to write/, /everything as the run that is over left it/);
      assert.equal(world.node('w1').spec?.unschedulable, true);
    });

    it('a step whose engine is gone stops at its next write', async () => {
      await leaveTurn('w1');
      world.engineAlive = false;
      const draining = world.clock.run(leave('drain', world.inputs('w1'), run.ctx, run.deps));
      await expectStop(draining, /the engine that started this step is gone/);
      assert.equal(world.node('w1').spec?.unschedulable, undefined);
    });
  });

  it('tearing down the named cluster skips every leave; naming another one does not', async () => {
    world.env = { PROX_OPS_TEARDOWN: 'test' };
    const torn = world.run('run-3');
    await world.clock.run(leave('turn', world.inputs('w1'), torn.ctx, torn.deps));
    assert.deepEqual(world.kubernetes.writes, []);
    world.env = { PROX_OPS_TEARDOWN: 'another' };
    await leaveTurn('w1', world.run('run-4'));
    assert.ok(world.lease());
  });

  it('tells no secret, even when a server puts one into its error', async () => {
    const { kubernetes } = world;
    kubernetes.get = () =>
      Promise.reject(new Error('bad token root@pam!ops=12345678-aaaa-bbbb-cccc-123456789012 c2VjcmV0LWtleS1kYXRh'));
    const error = await expectStop(leaveTurn('w1'), /bad token \[secret\] \[secret\]/);
    assert.doesNotMatch(error.message, /12345678-aaaa/);
  });
});
