import assert from 'node:assert/strict';
import { endOrphanTurn, forgetOrphan, leave, type Remembered } from '../../../operations/src/index';
import { expectStop } from '../support/expectStop';
import { World, type Run } from '../support/world';

describe('what the cluster remembers of a machine that is gone', () => {
  let world: World;
  let run: Run;

  beforeEach(() => {
    world = new World();
    run = world.run('run-1');
  });

  const forget = async (node: string, remembered: Remembered): Promise<void> => {
    const { node: target, access, settings } = world.inputs(node);
    await world.clock.run(forgetOrphan({ node: target, access, settings }, remembered, run.ctx, run.deps));
  };
  const free = () => world.lease()?.spec['holderIdentity'];
  const gone = (node: string): void => {
    world.machine(node).reachable = false;
    world.ready(node, false);
    const satellite = world.linstor.nodesList.find(({ name }) => name === node);
    if (satellite) satellite.connection_status = 'OFFLINE';
  };
  /** As an etcd that has lost a machine lists it. */
  const deadMember = (node: string): string => {
    const { id, hostname, peerUrls } = world.machine(node).member ?? assert.fail();
    world.talos.dead.push({ id, hostname, peerUrls, learner: false });
    delete world.machine(node).member;
    gone(node);
    return id;
  };

  it('its Kubernetes node goes, and the lease is free again', async () => {
    gone('w1');
    await forget('w1', { what: 'Kubernetes node' });
    assert.equal(world.node('w1'), undefined);
    assert.equal(free(), '');
  });

  it('a Kubernetes node that is Ready, or on another machine, stays; the lease is given back', async () => {
    await expectStop(forget('w1', { what: 'Kubernetes node' }), /w1 not Ready/, /lease was given back/);
    gone('w1');
    world.kubernetes.at('/api/v1/nodes/w1').status.nodeInfo.systemUUID = 'ffffffff-0000-4000-8000-000000000000';
    await expectStop(forget('w1', { what: 'Kubernetes node' }), /it runs on ffffffff/);
    assert.ok(world.node('w1'));
    assert.equal(free(), '');
  });

  it('its LINSTOR node goes though it holds a replica, when there is another good copy', async () => {
    gone('w1');
    world.linstor.replica('pvc-1', 'w1');
    world.linstor.replica('pvc-1', 'w2');
    await forget('w1', { what: 'LINSTOR node' });
    assert.deepEqual(world.linstor.writes, ['lose w1']);
  });

  it('its LINSTOR node stays when it holds a last copy', async () => {
    gone('w1');
    world.linstor.replica('pvc-1', 'w1');
    world.linstor.replica('pvc-2', 'w1');
    world.linstor.replica('pvc-2', 'w2');
    await expectStop(forget('w1', { what: 'LINSTOR node' }), /another UpToDate copy/, /none of pvc-1/);
    assert.deepEqual(world.linstor.writes, []);
  });

  it('its etcd member goes by its id, though another one is dead as well', async () => {
    world.talos.machines.set('10.0.0.4', {
      ...world.machine('c1'),
      address: '10.0.0.4',
      member: { ...world.machine('c1').member!, id: 'a4', hostname: 'c4', peerUrls: ['https://10.0.0.4:2380'] },
    });
    world.talos.machines.set('10.0.0.5', {
      ...world.machine('c1'),
      address: '10.0.0.5',
      member: { ...world.machine('c1').member!, id: 'a5', hostname: 'c5', peerUrls: ['https://10.0.0.5:2380'] },
    });
    const id = deadMember('c1');
    deadMember('c2');
    const inputs = world.inputs('c1');
    const access = { ...inputs.access, controlPlanes: [...inputs.access.controlPlanes, '10.0.0.4', '10.0.0.5'] };
    const removed = forgetOrphan({ ...inputs, access }, { what: 'etcd member', id }, run.ctx, run.deps);
    await world.clock.run(removed);
    assert.deepEqual(world.talos.writes, [`remove ${id}`]);
    assert.equal(free(), '');
  });

  it('an etcd member that answers stays, and so does one that the quorum needs', async () => {
    await expectStop(forget('c1', { what: 'etcd member', id: 'a1' }), /etcd member a1 dead/);
    const id = deadMember('c1');
    world.machine('c2').reachable = false;
    await expectStop(forget('c1', { what: 'etcd member', id }), /at least 2 healthy etcd voters/);
    assert.deepEqual(world.talos.writes, []);
  });

  it('a machine of this cluster that answers at the address of the member keeps it', async () => {
    const id = deadMember('c1');
    world.machine('c1').reachable = true;
    await expectStop(forget('c1', { what: 'etcd member', id }), /no machine of this cluster at 10\.0\.0\.1/);
    assert.deepEqual(world.talos.writes, []);
  });

  it('another node that is out comes first', async () => {
    await world.clock.run(leave('turn', world.inputs('w2'), run.ctx, run.deps));
    gone('w1');
    await expectStop(forget('w1', { what: 'Kubernetes node' }), /node w2 is out of the cluster/);
    assert.ok(world.node('w1'));
  });

  it('killed in its middle, the lease tells which command finishes it', async () => {
    gone('w1');
    const { ctx, deps } = run;
    const broken = world.kubernetes;
    const remove = broken.delete.bind(broken);
    broken.delete = () => Promise.reject(new Error('cut off'));
    const write = broken.replace.bind(broken);
    broken.replace = () => Promise.reject(new Error('cut off'));
    const { node, access, settings } = world.inputs('w1');
    await assert.rejects(
      world.clock.run(forgetOrphan({ node, access, settings }, { what: 'Kubernetes node' }, ctx, deps)),
    );
    broken.delete = remove;
    broken.replace = write;
    await expectStop(
      world.clock.run(leave('turn', world.inputs('w2'), run.ctx, run.deps)),
      /node w1 is out of the cluster \(step orphan/,
      /prox-ops orphans --delete/,
    );
    await forget('w1', { what: 'Kubernetes node' });
    assert.equal(free(), '');
  });

  it('killed after it was forgotten, the lease can be given back', async () => {
    await world.clock.run(leave('turn', world.inputs('w1'), run.ctx, run.deps));
    const { node, access, settings } = world.inputs('w1');
    await world.clock.run(endOrphanTurn({ node, access, settings }, run.ctx, run.deps));
    assert.equal(free(), '');
  });
});
