import assert from 'node:assert/strict';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { join, leave } from '../../../operations/src/index';
import { expectStop } from '../support/expectStop';
import { snapshotBytes } from '../support/fakeMachines';
import { addressOf, World, type Run } from '../support/world';

describe('etcd membership (I2, R003-4)', () => {
  let world: World;
  let run: Run;

  beforeEach(() => {
    world = new World();
    run = world.run('run-1');
  });

  afterEach(() => rmSync(world.snapshots, { recursive: true, force: true }));

  const leaveEtcd = (node = 'c1'): Promise<void> =>
    world.clock.run(leave('etcd', world.inputs(node), run.ctx, run.deps));
  const rejoin = (node = 'c1'): Promise<unknown> =>
    world.clock.run(join('etcd', world.inputs(node), run.ctx, run.deps));
  const files = (): string[] => readdirSync(world.snapshots);
  const member = (node: string): NonNullable<ReturnType<World['machine']>['member']> =>
    world.machine(node).member ?? assert.fail(`${node} has no member`);

  it('takes a verified private snapshot, hands leadership on, leaves, and finds the others healthy', async () => {
    await leaveEtcd();
    assert.deepEqual(world.talos.writes, ['forfeit 10.0.0.1', 'leave 10.0.0.1']);
    const [file] = files();
    assert.match(file ?? '', /^etcd-test-c1-.*\.db$/);
    assert.equal(statSync(joinPath(world.snapshots, file ?? '')).mode & 0o777, 0o600);
    assert.match(world.told, /snapshot verified: .*\.db/);
  });

  for (const [what, spoil] of [
    ['truncated', (bytes: Buffer) => bytes.subarray(0, 4096)],
    ['cut in the middle of a sector', (bytes: Buffer) => bytes.subarray(0, 5000)],
    ['no bolt database', (bytes: Buffer) => Buffer.from(bytes).fill(0, 16, 20)],
    ['changed on the way', (bytes: Buffer) => Buffer.from(bytes).fill(7, 3000, 3001)],
    ['empty', () => Buffer.alloc(0)],
  ] as const) {
    it(`a snapshot that is ${what} stops it and leaves no file`, async () => {
      world.talos.snapshot = spoil(snapshotBytes());
      await expectStop(leaveEtcd(), /a whole etcd snapshot/);
      assert.deepEqual(files(), []);
      assert.deepEqual(world.talos.writes, []);
    });
  }

  it('does not leave when the others have no quorum without it, counting live members', async () => {
    world.machine('c3').reachable = false;
    await expectStop(leaveEtcd(), /at least 2 healthy etcd voters without this node/, /1 of 2 healthy/, /10\.0\.0\.3/);
    assert.deepEqual(world.talos.writes, []);
  });

  it('counts a member with errors as not live, and a learner not at all', async () => {
    member('c3').errors = 'NOSPACE';
    await expectStop(leaveEtcd(), /1 of 2 healthy/);
    member('c3').errors = '';
    member('c3').learner = true;
    await expectStop(leaveEtcd(), /etcd healthy without this node within 600 s/, /c3 is a learner still/);
  });

  it('a call that is cut off though it worked is judged by the member list', async () => {
    world.talos.leaveCutOff = true;
    await leaveEtcd();
    assert.match(world.told, /talosctl ended with: .*EOF/);
  });

  it('a member that says it leaves and stays stops it', async () => {
    world.talos.leaveIgnored = true;
    await expectStop(leaveEtcd(), /its member is listed still/);
  });

  it('a node that is no member (never joined, or left before) needs nothing but healthy others', async () => {
    delete world.machine('c1').member;
    await leaveEtcd();
    assert.deepEqual(world.talos.writes, []);
    assert.match(world.told, /not a member of etcd/);
  });

  it('a dead node’s member is removed by its id, through another one', async () => {
    const { id, hostname, peerUrls } = member('c1');
    world.talos.dead.push({ id, hostname, peerUrls, learner: false });
    world.machine('c1').reachable = false;
    delete world.machine('c1').member;
    await leaveEtcd();
    assert.deepEqual(world.talos.writes, ['remove a1']);
  });

  it('a member with the node’s name at another address is not touched', async () => {
    delete world.machine('c1').member;
    world.talos.dead.push({ id: 'ff', hostname: 'c1', peerUrls: ['https://10.9.9.9:2380'], learner: false });
    await expectStop(
      leaveEtcd(),
      /one etcd member with the name c1 and the address 10\.0\.0\.1/,
      /c1 at https:\/\/10\.9\.9\.9:2380/,
    );
    assert.deepEqual(world.talos.writes, []);
  });

  it('a member with the node’s address under another name is not touched', async () => {
    delete world.machine('c1').member;
    world.talos.dead.push({ id: 'ff', hostname: 'other', peerUrls: ['https://10.0.0.1:2380'], learner: false });
    await expectStop(leaveEtcd(), /one etcd member with the name c1/, /other at/);
  });

  it('a member that was added and never started has no name, and is known by its address', async () => {
    delete world.machine('c1').member;
    world.talos.dead.push({ id: 'ff', hostname: '', peerUrls: [`https://${addressOf('c1')}:2380`], learner: true });
    await leaveEtcd();
    assert.deepEqual(world.talos.writes, ['remove ff']);
  });

  it('control planes that disagree about the members are unsafe', async () => {
    const { talos } = world;
    const members = talos.etcdMembers.bind(talos);
    talos.etcdMembers = async (address) => (await members(address)).slice(address === '10.0.0.2' ? 1 : 0);
    await expectStop(leaveEtcd(), /control planes that agree on the etcd members/);
  });

  it('no control plane answers: unsafe', async () => {
    for (const node of ['c1', 'c2', 'c3']) world.machine(node).reachable = false;
    await expectStop(leaveEtcd(), /member list from a control plane/, /connection refused/);
  });

  it('a worker has no member', async () => {
    await leaveEtcd('w1');
    assert.deepEqual(await rejoin('w1'), { etcd: 'not a control plane' });
  });

  describe('join', () => {
    it('waits for the member, its vote, its health, and its log', async () => {
      const mine = { ...member('c1'), learner: true, raftAppliedIndex: 10 };
      delete world.machine('c1').member;
      world.clock.after(5_000, () => void (world.machine('c1').member = mine));
      world.clock.after(10_000, () => void (mine.learner = false));
      world.clock.after(20_000, () => void (mine.raftAppliedIndex = 100));
      assert.deepEqual(await rejoin(), { etcd: 'voter a1' });
      for (const line of ['its etcd member to appear', 'a learner still', 'to catch up (10 of 100)']) {
        assert.ok(world.told.includes(line), line);
      }
    });

    it('a node that is put back on the machine that it left with: only a boot makes its etcd join again', async () => {
      const mine = member('c1');
      await leaveEtcd();
      world.talos.onReboot = (machine) => {
        machine.bootId = 'boot-again';
        machine.etcdStopped = false;
        machine.member = mine;
      };
      assert.deepEqual(await rejoin(), { etcd: 'voter a1' });
      assert.deepEqual(world.talos.writes.slice(2), ['reboot 10.0.0.1 powercycle']);
      assert.match(world.told, /etcd has left and is stopped/);
    });

    it('a member that never becomes a voter: explicit failure', async () => {
      member('c1').learner = true;
      await expectStop(rejoin(), /healthy voter within 600 s \(etcdTimeout\)/, /a learner still/);
    });

    it('changes nothing', async () => {
      await rejoin();
      assert.deepEqual([world.talos.writes, world.kubernetes.writes], [[], []]);
    });
  });
});
