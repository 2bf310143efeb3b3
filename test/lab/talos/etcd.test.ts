import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Site } from './site.js';

describe('talos: etcd through the real talosctl', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
    await site.cluster();
  });
  after(() => site?.close());

  const vmid = (node: string): number => site.fleet.byNode(node)!.vmid;
  const members = (last = 1) => site.run('etcd', 'members', '-n', site.address(last));
  const voters = (count: number) => site.until(`${count} voters`, () => site.voters() === count);
  const rows = (table: string) =>
    table
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s{2,}/));
  /** The VM goes with its disk, and nobody told etcd. */
  const lose = (node: string) => {
    const lost = vmid(node);
    site.hypervisors.stop(lost);
    site.hypervisors.delete(lost);
  };
  const reset = (node: string) => {
    const { hardware, generation } = site.fleet.byNode(node)!;
    const { name } = hardware;
    site.world.events.emit({ type: 'vm.stop-requested', vmid: hardware.vmid, name, generation, how: 'reset' });
  };

  it('bootstraps once, and on control planes only', async () => {
    const [again, worker] = await Promise.all([
      site.run('bootstrap', '-n', site.address(2)),
      site.run('bootstrap', '-n', site.address(4)),
    ]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /code = AlreadyExists desc = etcd data directory is not empty/);
    assert.match(worker.stderr, /bootstrap is only available on control plane nodes/);
  });

  it('lists members and statuses, with one leader and growing indices', async () => {
    const found = rows((await members()).stdout);
    assert.deepEqual(
      found.map((row) => row.slice(2)),
      [1, 2, 3].map((last) => {
        const urls = [2380, 2379].map((port) => `https://${site.address(last)}:${port}`);
        return [`control-${last}`, ...urls, 'false'];
      }),
    );
    assert.ok(found.every((row) => /^[0-9a-f]{16}$/.test(row[1]!)));
    const nodes = [1, 2, 3].map((last) => site.address(last)).join();
    const status = async () => rows((await site.ok('etcd', 'status', '-n', nodes)).stdout);
    const first = await status();
    assert.equal(new Set(first.map((row) => row[4])).size, 1, 'one leader');
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.ok(Number((await status())[0]![5]) > Number(first[0]![5]), 'the raft index grows');
    assert.match(
      (await members(4)).stderr,
      /Unimplemented desc = member list is only available on control plane nodes/,
    );
  });

  it('streams a snapshot that talosctl accepts, and one that ends early under that fault', async () => {
    const file = site.file('etcd.snapshot');
    const { stdout } = await site.ok('etcd', 'snapshot', file, '-n', site.address(1));
    assert.match(stdout, /snapshot info: hash [0-9a-f]{8}, revision \d+, total keys \d+/);
    const bytes = readFileSync(file);
    assert.deepEqual(createHash('sha256').update(bytes.subarray(0, -32)).digest(), bytes.subarray(-32));
    site.world.faults.set('snapshot-truncated', '', 1);
    const cut = await site.run('etcd', 'snapshot', site.file('cut.snapshot'), '-n', site.address(1));
    assert.equal(cut.code, 1);
    assert.match(cut.stderr, /sha256 checksum not found/);
    assert.equal(existsSync(site.file('cut.snapshot')), false);
    assert.deepEqual(
      site.eventsOf('etcd.snapshot').map(({ whole }) => whole),
      [true, false],
    );
  });

  it('moves the leadership, leaves on request, and joins again with another id at the next boot', async () => {
    const before = await site.memberId('control-1');
    assert.equal(site.eventsOf('etcd.leader').at(-1)?.node, 'control-1');
    await site.ok('etcd', 'forfeit-leadership', '-n', site.address(1));
    assert.equal(site.eventsOf('etcd.leader').at(-1)?.node, 'control-2');
    await site.ok('etcd', 'leave', '-n', site.address(1));
    assert.equal(site.voters(), 2);
    const serving = site.fleet.apiServers().map(({ node }) => node);
    assert.deepEqual(serving, ['control-2', 'control-3']);
    assert.match((await members(1)).stderr, /connect: connection refused/);
    reset('control-1');
    await voters(3);
    await site.eventually('version', '-n', site.address(1));
    assert.notEqual(await site.memberId('control-1'), before);
  });

  it('keeps the member of a lost machine until it is removed by id, and meanwhile lets no live one go', async () => {
    const id = await site.memberId('control-3');
    lose('control-3');
    assert.equal(await site.memberId('control-3'), id);
    const leaving = site.run('etcd', 'leave', '-n', site.address(2));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(site.voters(), 3);
    await site.ok('etcd', 'remove-member', id!, '-n', site.address(1));
    assert.equal((await leaving).code, 0, 'it goes on once the dead member is gone');
    const again = await site.run('etcd', 'remove-member', id!, '-n', site.address(1));
    assert.match(again.stderr, /code = NotFound desc = failed to remove member \d+: etcdserver: member not found/);
    reset('control-2');
    await voters(2);
  });

  it('takes a rebuilt machine back under its name, with another id', async () => {
    site.start('control-3', 3);
    await site.configure('control-3', 3, 'controlplane');
    await voters(3);
    const id = await site.memberId('control-3');
    lose('control-3');
    site.start('control-3', 3);
    await site.configure('control-3', 3, 'controlplane');
    await site.until('it runs', () => site.running().includes('control-3'));
    assert.notEqual(await site.memberId('control-3'), id);
    assert.equal(site.voters(), 3);
  });

  it('loses quorum with its majority, and with it the Kubernetes API, and gets it back', async () => {
    const [second, third] = [vmid('control-2'), vmid('control-3')];
    site.hypervisors.stop(second);
    assert.equal(site.fleet.hasQuorum(), true);
    site.hypervisors.stop(third);
    assert.equal(site.fleet.hasQuorum(), false);
    assert.deepEqual(site.fleet.apiServers(), []);
    const [list, leave, status] = await Promise.all([
      members(),
      site.run('etcd', 'leave', '-n', site.address(1)),
      site.ok('etcd', 'status', '-n', site.address(1)),
    ]);
    assert.match(list.stderr, /etcdserver: no leader/);
    assert.match(leave.stderr, /etcdserver: no leader/);
    assert.match(status.stdout, /0000000000000000.*etcdserver: no leader/);
    [second, third].forEach((id) => site.hypervisors.start(id));
    await site.until('the API serves', () => site.fleet.apiServers().length === 3);
  });

  it('leaves a new member a learner under that fault: still booting, and of no use to ask', async () => {
    site.world.faults.set('etcd-never-voter', 'control-5');
    site.start('control-5', 5);
    await site.configure('control-5', 5, 'controlplane');
    await site.until('it learns', () => site.eventsOf('etcd.member').at(-1)?.change === 'started');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [list, own] = await Promise.all([members(), members(5)]);
    assert.deepEqual(rows(list.stdout).at(-1)?.slice(2, 3).concat(rows(list.stdout).at(-1)!.slice(-1)), [
      'control-5',
      'true',
    ]);
    assert.match(own.stderr, /etcdserver: rpc not supported for learner/);
    assert.equal(site.stage('control-5'), 'booting');
    site.world.faults.clear();
    await voters(4);
  });

  it('is over, and Kubernetes with it, when the last data is wiped', async () => {
    for (const node of ['control-2', 'control-3', 'control-5']) lose(node);
    assert.equal(site.kubernetes.wipes, 0);
    await site.ok('reset', '--graceful=false', '--wait', '--timeout', '10s', '-n', site.address(1));
    await site.until('Kubernetes is wiped', () => site.kubernetes.wipes === 1);
    assert.equal(site.fleet.hasQuorum(), false);
  });

  it('comes back from a snapshot with what was in it; a broken one is accepted, and fails the service', async () => {
    const [whole, cut] = [site.file('etcd.snapshot'), site.file('changed.snapshot')] as const;
    site.start('control-1', 1);
    await site.configure('control-1', 1, 'controlplane');
    const bytes = readFileSync(whole);
    // A page of keys, so that the file can still be opened.
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 40) ^ 1, bytes.length - 40);
    writeFileSync(cut, bytes);
    await site.eventually('bootstrap', '--recover-from', cut, '-n', site.address(1));
    assert.equal(site.fleet.hasQuorum(), false);
    assert.match((await site.ok('service', 'etcd', '-n', site.address(1))).stdout, /Failed[^]*expected sha256/);
    await site.ok('bootstrap', '--recover-from', whole, '-n', site.address(1));
    await voters(1);
    assert.deepEqual(site.kubernetes.begun, site.kubernetes.kept);
    assert.equal(site.storage.recovered, 1);
  });
});
