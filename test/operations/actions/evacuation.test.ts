import assert from 'node:assert/strict';
import { join, leave } from '../../../operations/src/index';
import { expectStop } from '../support/expectStop';
import { entry } from '../support/fakeLinstor';
import { World, type Run } from '../support/world';

describe('evacuation: the LINSTOR guard (R000-4, R000-7)', () => {
  let world: World;
  let run: Run;

  beforeEach(() => {
    world = new World();
    run = world.run('run-1');
    world.linstor.replica('pvc-1', 'w1', 10);
    world.linstor.replica('pvc-1', 'w2', 10);
    world.linstor.replica('pvc-2', 'w2', 5);
    world.linstor.replica('pvc-2', 'w3', 5);
  });

  const evacuate = (node = 'w1'): Promise<void> =>
    world.clock.run(leave('evacuation', world.inputs(node), run.ctx, run.deps));
  const rejoin = (node = 'w1'): Promise<unknown> =>
    world.clock.run(join('evacuation', world.inputs(node), run.ctx, run.deps));
  const flags = (node = 'w1'): string[] => world.linstor.find(node).flags ?? [];
  const asked = (): string[] => world.linstor.writes;

  it('asks once, follows the synchronisation, and returns when no replica is left', async () => {
    await evacuate();
    assert.deepEqual(world.linstor.on('w1'), []);
    assert.deepEqual(world.linstor.on('w3'), ['pvc-2', 'pvc-1']);
    assert.deepEqual(asked(), ['evacuate w1']);
    assert.deepEqual(flags(), ['EVACUATE'], 'new replicas must not come back before the VM is gone');
    assert.match(world.told, /1 replicas to move: 10 % of 10\.0 GiB done \(pvc-1\)/);
    assert.match(world.told, /no replica left in lvm-thick, nothing faulty/);
  });

  it('a PUT that returns before anything moves is not taken for the end', async () => {
    world.linstor.startTime = 15_000;
    const start = world.clock.now();
    await evacuate();
    assert.ok(world.clock.now() - start >= 25_000);
  });

  it('something faulty at the start: stops before anything is asked', async () => {
    world.linstor.replica('pvc-3', 'w2', 1).layer_object = {
      type: 'DRBD',
      drbd: { connections: { w3: { connected: false, message: 'StandAlone' } } },
    };
    await expectStop(
      evacuate(),
      /nothing faulty in LINSTOR before/,
      /pvc-3 on w2: StandAlone to w3/,
      /LINSTOR untouched/,
    );
    assert.deepEqual(asked(), []);
  });

  it('an offline satellite shows no states: unknown is unsafe', async () => {
    const replica = world.linstor.list.find(({ name, node_name }) => name === 'pvc-2' && node_name === 'w3');
    delete replica?.state;
    delete replica?.volumes?.[0]?.state;
    await expectStop(evacuate(), /pvc-2 on w3: unknown, its satellite does not report/);
  });

  it('no room on any other node: refused before it is asked, naming the replica and the room there is', async () => {
    world.linstor.free.set('w3', 1024);
    await expectStop(
      evacuate(),
      /pvc-1: needs 10\.0 GiB, the emptiest pool \(lvm-thick on w3\) has 0\.0 GiB/,
      /LINSTOR untouched/,
    );
    assert.deepEqual(asked(), []);
  });

  it('no other node without a copy: refused', async () => {
    world.linstor.replica('pvc-1', 'w3', 10);
    world.linstor.groupsList = [{ name: 'replicated', select_filter: { place_count: 3 } }];
    await expectStop(evacuate(), /pvc-1: no other node may take a replica/);
  });

  it('a surplus replica needs no other place', async () => {
    world.linstor.replica('pvc-1', 'w3', 10);
    world.linstor.free.set('w2', 0).set('w3', 0);
    world.linstor.syncTime = 0;
    world.clock.after(3_000, () => {
      world.linstor.list = world.linstor.list.filter(({ node_name }) => node_name !== 'w1');
    });
    await evacuate();
  });

  it('a sole replica is moved by synchronising it elsewhere', async () => {
    world.linstor.replica('sole', 'w1', 1);
    await evacuate();
    assert.deepEqual(world.linstor.list.filter(({ name }) => name === 'sole').length, 1);
  });

  it('a replica that DRBD does not replicate cannot be moved', async () => {
    world.linstor.replica('plain', 'w1', 1, { layer_object: { type: 'STORAGE' } });
    await expectStop(evacuate(), /plain: not replicated by DRBD/);
  });

  it('replicas outside the guarded pool do not hold the node back', async () => {
    const other = world.linstor.replica('scratch', 'w1', 1, { layer_object: { type: 'STORAGE' } });
    Object.assign(other.volumes?.[0] ?? {}, { storage_pool_name: 'scratch' });
    world.linstor.answers = [[entry('warning', 1020, "Resource 'scratch' cannot be evacuated")]];
    world.clock.after(5_000, () => {
      world.linstor.list = world.linstor.list.filter(
        (replica) => replica.name !== 'pvc-1' || replica.node_name !== 'w1',
      );
    });
    await evacuate();
    assert.match(world.told, /leaves unguarded replicas where they are/);
  });

  it('warning 1020, not evacuating: fails and takes the flag back', async () => {
    world.linstor.answers = [
      [entry('warning', 1020, "Resource 'pvc-1' cannot be evacuated as no available storage pool was found")],
    ];
    await expectStop(evacuate(), /no available storage pool was found/, /LINSTOR node restored/);
    assert.deepEqual(asked(), ['evacuate w1', 'restore w1']);
    assert.deepEqual(flags(), []);
  });

  it('error 997, in use: it flags all the same and moves nothing until it is asked again', async () => {
    world.linstor.answers = [[entry('error', 997, "Resource 'pvc-1' is still in use.")]];
    await evacuate();
    assert.deepEqual(asked(), ['evacuate w1', 'evacuate w1']);
    assert.deepEqual(world.linstor.on('w1'), []);
  });

  it('in use for good: gives up and takes the flag back', async () => {
    const busy = entry('error', 997, "Resource 'pvc-1' is still in use.");
    world.linstor.answers = [[busy], [busy], [busy]];
    await expectStop(evacuate(), /pvc-1' is still in use/, /LINSTOR node restored/);
    assert.deepEqual(flags(), []);
  });

  it('waits for a replica to be released before it asks', async () => {
    const replica = world.linstor.list[0];
    if (replica) replica.state = { in_use: true };
    world.clock.after(8_000, () => replica && (replica.state = { in_use: false }));
    await evacuate();
    assert.match(world.told, /replicas in use on the node: pvc-1/);
  });

  it('any other error: fails and takes the flag back', async () => {
    world.linstor.answers = [[entry('error', 300, 'database trouble')]];
    await expectStop(evacuate(), /database trouble/, /LINSTOR node restored/);
  });

  it('synchronisation stuck: fails after linstorEvacuationTimeout and restores', async () => {
    world.linstor.syncTime = Infinity;
    const start = world.clock.now();
    await expectStop(
      evacuate(),
      /no replica left on the node within 2700 s \(linstorEvacuationTimeout\)/,
      /pvc-1/,
      /LINSTOR node restored/,
    );
    assert.ok(world.clock.now() - start >= 2_700_000);
    assert.deepEqual(flags(), []);
  });

  it('a restore that does not take: says that the flag may be there still', async () => {
    world.linstor.answers = [[entry('warning', 1020, "Resource 'pvc-1' cannot be evacuated")]];
    world.linstor.restores = false;
    await expectStop(evacuate(), /may still be flagged EVACUATE/);
  });

  it('nothing moves though nothing is in use: asked again, then it goes on', async () => {
    world.linstor.answers = [[]];
    await evacuate();
    assert.deepEqual(asked(), ['evacuate w1', 'evacuate w1']);
    assert.match(world.told, /no replica moves: asking LINSTOR to evacuate again/);
  });

  it('the flag cleared by somebody while replicas move: stops', async () => {
    world.clock.after(3_000, () => delete world.linstor.find('w1').flags);
    await expectStop(evacuate(), /somebody cleared the flag/, /LINSTOR node not flagged/);
  });

  it('an unreachable controller is unsafe, never nothing to do', async () => {
    world.linstor.down = true;
    await expectStop(evacuate(), /a silent one counts as unsafe/, /connection refused, for 120 s/);
    assert.deepEqual(asked(), []);
  });

  it('a controller that the drain has just moved is waited for', async () => {
    world.linstor.down = true;
    world.clock.after(60_000, () => void (world.linstor.down = false));
    await evacuate();
    assert.deepEqual(world.linstor.on('w1'), []);
  });

  it('a controller that falls silent for a while in between does no harm', async () => {
    world.clock.after(2_000, () => void (world.linstor.down = true));
    world.clock.after(30_000, () => void (world.linstor.down = false));
    await evacuate();
    assert.deepEqual(world.linstor.on('w1'), []);
  });

  it('a controller that falls silent for good stops it, and the flag that may be left is named', async () => {
    world.clock.after(2_000, () => void (world.linstor.down = true));
    const start = world.clock.now();
    await expectStop(evacuate(), /silent one counts as unsafe/, /w1 may still be flagged EVACUATE/);
    assert.ok(world.clock.now() - start < 200_000);
  });

  it('a node that LINSTOR does not know has nothing to move', async () => {
    world.linstor.nodesList = world.linstor.nodesList.filter(({ name }) => name !== 'w1');
    await evacuate();
    assert.match(world.told, /LINSTOR knows no such node/);
  });

  it('no LINSTOR, or the guard switched off: says so and asks nothing', async () => {
    world.set({ linstorGuardEnabled: false });
    await evacuate();
    assert.match(world.told, /the LINSTOR guard is switched off \(linstorGuardEnabled\)/);
    world.withoutLinstor = true;
    run = world.run('run-1');
    await evacuate();
    assert.match(world.told, /this cluster has no LINSTOR/);
    assert.deepEqual(asked(), []);
  });

  it('a node that somebody else evacuates, or that LINSTOR evicted: not ours to take', async () => {
    world.linstor.find('w1').flags = ['EVACUATE'];
    await expectStop(evacuate(), /flag EVACUATE set by somebody else/, /LINSTOR untouched/);
    world.linstor.find('w1').flags = ['DELETE', 'EVICTED'];
    await expectStop(evacuate(), /not evicted/, /linstor node restore w1/);
    assert.deepEqual(asked(), []);
  });

  it('resumed after a kill: goes on with the evacuation under way and asks nothing twice', async () => {
    await evacuate();
    assert.equal(world.lease()?.metadata.annotations['prox-ops.io/evacuation'], 'asked');
    world.proofs.set('run-1', true);
    run = world.run('run-2');
    await evacuate();
    assert.deepEqual(asked(), ['evacuate w1']);
    assert.match(world.told, /is evacuating it already, as this rollout asked before/);
  });

  describe('join', () => {
    it('restores, settles, and finds as many replicas as before', async () => {
      await evacuate();
      assert.deepEqual(await rejoin(), { linstor: 'restored' });
      assert.deepEqual(flags(), []);
      assert.equal(world.lease()?.metadata.annotations['prox-ops.io/evacuation'], undefined);
    });

    it('an abort in mid-synchronisation waits until what moves has moved', async () => {
      world.set({ linstorEvacuationTimeout: 2 });
      await expectStop(evacuate(), /linstorEvacuationTimeout/);
      const start = world.clock.now();
      await rejoin();
      assert.ok(world.clock.now() - start >= 5_000);
      assert.match(world.told, /still moving: pvc-1 on w3: SyncTarget/);
    });

    it('waits for the satellite', async () => {
      await evacuate();
      world.linstor.find('w1').connection_status = 'OFFLINE';
      world.clock.after(30_000, () => void (world.linstor.find('w1').connection_status = 'ONLINE'));
      await rejoin();
      assert.match(world.told, /its satellite: OFFLINE/);
    });

    it('a satellite that never comes back: explicit failure after linstorSettleTimeout', async () => {
      await evacuate();
      world.linstor.find('w1').connection_status = 'OFFLINE';
      await expectStop(
        rejoin(),
        /satellite ONLINE within 1800 s \(linstorSettleTimeout\)/,
        /OFFLINE/,
        /prox-ops rollback/,
      );
    });

    it('a restore that does not take: explicit failure', async () => {
      await evacuate();
      world.linstor.restores = false;
      await expectStop(rejoin(), /the node without EVACUATE after a restore/, /linstor node restore w1/);
    });

    it('never settles: explicit failure with what still moves', async () => {
      await evacuate();
      world.linstor.list.forEach((replica) => {
        const volume = replica.volumes?.[0];
        if (volume) volume.state = { disk_state: 'SyncTarget(5.00%)' };
      });
      await expectStop(rejoin(), /settled after the node came back within 1800 s/, /still moving/);
    });

    it('settled and faulty does not mend by waiting: fails within minutes', async () => {
      await evacuate();
      world.linstor.replica('bad', 'w2', 1, { flags: ['INACTIVE'] });
      const start = world.clock.now();
      await expectStop(rejoin(), /nothing faulty in LINSTOR after the node came back/, /bad on w2: INACTIVE/);
      assert.ok(world.clock.now() - start < 120_000);
    });

    it('a replica lost on the way is noticed', async () => {
      await evacuate();
      world.linstor.list = world.linstor.list.filter(({ name, node_name }) => name !== 'pvc-1' || node_name !== 'w3');
      await expectStop(rejoin(), /as many replicas as before/, /pvc-1: 1 of 2 replicas/);
    });

    it('a node that never left: waits for its satellite, changes nothing', async () => {
      world.linstor.nodesList = world.linstor.nodesList.filter(({ name }) => name !== 'w1');
      world.clock.after(20_000, () => void world.linstor.satellite('w1'));
      assert.deepEqual(await rejoin(), { linstor: 'online' });
      assert.match(world.told, /its satellite to be registered/);
      assert.deepEqual(asked(), []);
      assert.deepEqual(world.kubernetes.writes, []);
    });

    it('a node without a satellite by plan is not waited for', async () => {
      assert.deepEqual(await rejoin('c1'), { linstor: 'no satellite' });
    });

    it('an evacuation that somebody else asked for is left as it is', async () => {
      world.linstor.find('w1').flags = ['EVACUATE'];
      await rejoin();
      assert.deepEqual(asked(), []);
      assert.match(world.told, /somebody else's wish: left as it is/);
    });

    it('an unreachable controller never passes for nothing to do', async () => {
      world.linstor.down = true;
      await expectStop(rejoin('c1'), /silent one counts as unsafe/);
    });
  });
});
