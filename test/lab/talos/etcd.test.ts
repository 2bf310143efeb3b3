import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { Site } from './site.js';

const HEX = /^[0-9a-f]{16}$/;

describe('talos: etcd membership', () => {
  let site: Site;
  beforeEach(async () => {
    site = await Site.open();
    await site.cluster();
  });
  afterEach(() => site?.close());

  const vmid = (node: string): number => site.fleet.byNode(node)!.vmid;
  const members = (last = 1) => site.run('etcd', 'members', '-n', site.address(last));
  const settled = (voters: number) => site.until(`${voters} voters`, () => site.voters() === voters);

  it('bootstraps once, and says so as long as there is data', async () => {
    const { code, stderr } = await site.run('bootstrap', '-n', site.address(2));
    assert.equal(code, 1);
    assert.match(stderr, /code = AlreadyExists desc = etcd data directory is not empty/);
    assert.match((await site.run('bootstrap', '-n', site.address(4))).stderr, /bootstrap is only available on control/);
    site.start('control-9', 9);
    await site.until('it boots', () => site.stage('control-9') === 'maintenance');
  });

  it('lists members and statuses, with one leader and growing indices', async () => {
    const { stdout } = await members();
    const rows = stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/));
    assert.deepEqual(
      rows.map((row) => row[2]),
      ['control-1', 'control-2', 'control-3'],
    );
    assert.ok(
      rows.every((row) => HEX.test(row[1]!) && row[3] === `https://${site.address(rows.indexOf(row) + 1)}:2380`),
    );
    const status = async () => {
      const { stdout: table } = await site.ok('etcd', 'status', '-n', [1, 2, 3].map((n) => site.address(n)).join());
      return table
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s{2,}/));
    };
    const first = await status();
    assert.equal(new Set(first.map((row) => row[4])).size, 1, 'one leader');
    await new Promise((resolve) => setTimeout(resolve, 250));
    const later = await status();
    assert.ok(Number(later[0]![5]) > Number(first[0]![5]), 'raft index grows');
    assert.match(
      (await members(4)).stderr,
      /Unimplemented desc = member list is only available on control plane nodes/,
    );
  });

  it('streams a snapshot that talosctl checks, and one that ends early under that fault', async () => {
    const file = site.file('etcd.snapshot');
    const { stdout } = await site.ok('etcd', 'snapshot', file, '-n', site.address(1));
    assert.match(stdout, /snapshot info: hash [0-9a-f]{8}, revision \d+, total keys \d+/);
    const bytes = readFileSync(file);
    const sum = createHash('sha256').update(bytes.subarray(0, -32)).digest();
    assert.deepEqual(sum, bytes.subarray(-32));
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

  it('moves the leadership, leaves on request, and joins again with another id after a reboot', async () => {
    const before = await site.memberId('control-1');
    assert.equal(site.eventsOf('etcd.leader').at(-1)?.node, 'control-1');
    await site.ok('etcd', 'forfeit-leadership', '-n', site.address(1));
    assert.equal(site.eventsOf('etcd.leader').at(-1)?.node, 'control-2');
    await site.ok('etcd', 'leave', '-n', site.address(1));
    assert.equal(site.voters(), 2);
    assert.deepEqual(
      site.fleet.apiServers().map(({ node }) => node),
      ['control-2', 'control-3'],
    );
    assert.match((await members(1)).stderr, /connection refused/);
    await site.ok('reboot', '--wait', '--timeout', '10s', '-n', site.address(1));
    await settled(3);
    const after = await site.memberId('control-1');
    assert.match(after!, HEX);
    assert.notEqual(after, before);
  });

  it('keeps the member of a lost machine as a dead voter, which only its id removes', async () => {
    const lost = vmid('control-3');
    const id = await site.memberId('control-3');
    site.hypervisors.stop(lost);
    site.hypervisors.delete(lost);
    assert.equal(site.fleet.hasQuorum(), true);
    assert.equal(await site.memberId('control-3'), id);
    const unhealthy = site.run('etcd', 'leave', '-n', site.address(2));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(site.voters(), 3, 'a live member may not leave two of three');
    await site.ok('etcd', 'remove-member', id!, '-n', site.address(1));
    assert.equal((await unhealthy).code, 0, 'it goes on once the dead member is gone');
    const again = await site.run('etcd', 'remove-member', id!, '-n', site.address(1));
    assert.match(again.stderr, /code = NotFound desc = .*etcdserver: member not found/);
  });

  it('replaces a dead member of the same name by itself, but not one of another name', async () => {
    const lost = vmid('control-3');
    const id = await site.memberId('control-3');
    site.hypervisors.stop(lost);
    site.hypervisors.delete(lost);
    site.start('control-4', 3);
    await site.configure('control-4', 3, 'controlplane');
    await site.until('it waits', () => site.fleet.running().some(({ node }) => node === 'control-4'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const service = await site.ok('service', 'etcd', '-n', site.address(3));
    assert.match(service.stdout, /Peer URLs already exists/);
    await site.ok('etcd', 'remove-member', id!, '-n', site.address(1));
    await settled(3);
    const renamed = vmid('control-4');
    site.hypervisors.stop(renamed);
    site.hypervisors.delete(renamed);
    const dead = await site.memberId('control-4');
    site.start('control-4', 3);
    await site.configure('control-4', 3, 'controlplane');
    await site.until('it has rejoined', () => site.running().includes('control-4'));
    assert.notEqual(await site.memberId('control-4'), dead);
    assert.equal(site.voters(), 3);
  });

  it('loses quorum with its majority, and with it the Kubernetes API, and gets it back', async () => {
    const [second, third] = [vmid('control-2'), vmid('control-3')];
    site.hypervisors.stop(second);
    assert.equal(site.fleet.hasQuorum(), true);
    site.hypervisors.stop(third);
    assert.equal(site.fleet.hasQuorum(), false);
    assert.deepEqual(site.fleet.apiServers(), []);
    assert.deepEqual(site.eventsOf('etcd.quorum').at(-1)?.has, false);
    const started = Date.now();
    const [list, leave, status] = await Promise.all([
      members(),
      site.run('etcd', 'leave', '-n', site.address(1)),
      site.ok('etcd', 'status', '-n', site.address(1)),
    ]);
    assert.ok(Date.now() - started < 5_000);
    assert.match(list.stderr, /etcdserver: no leader/);
    assert.match(leave.stderr, /etcdserver: no leader/);
    assert.match(status.stdout, /0000000000000000.*etcdserver: no leader/);
    site.hypervisors.start(second);
    await site.until('quorum is back', () => site.fleet.hasQuorum());
    await site.until('the API serves', () => site.fleet.apiServers().length === 2);
  });

  it('leaves a new member a learner under that fault, and lets nobody else join meanwhile', async () => {
    site.world.faults.set('etcd-never-voter', 'control-5');
    for (const [name, last] of [
      ['control-5', 5],
      ['control-6', 6],
    ] as const) {
      site.start(name, last);
      await site.configure(name, last, 'controlplane');
    }
    await site.until('both run their services', () => site.fleet.running().length === 6);
    await site.until('one learns', () => site.eventsOf('etcd.member').at(-1)?.learners === 1);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const learner = (await members()).stdout.split('\n').find((line) => line.endsWith('true'));
    assert.ok(learner);
    if (learner.includes('control-5')) {
      assert.match((await members(5)).stderr, /etcdserver: rpc not supported for learner/);
      assert.equal(site.stage('control-5'), 'booting');
      const other = await site.ok('service', 'etcd', '-n', site.address(6));
      assert.match(other.stdout, /too many learner members in cluster/);
      site.world.faults.clear('etcd-never-voter');
    }
    await site.until('the fault holds one alone', () => site.voters() >= 4);
    site.world.faults.clear('etcd-never-voter');
    await settled(5);
  });

  it('can not take its last member out, and ends with the last data', async () => {
    const lost = [vmid('control-2'), vmid('control-3')];
    await site.ok('etcd', 'leave', '-n', site.address(2));
    await site.ok('etcd', 'leave', '-n', site.address(3));
    const last = await site.run('etcd', 'leave', '-n', site.address(1));
    assert.match(last.stderr, /re-configuration failed due to not enough started members/);
    lost.forEach((id) => site.hypervisors.stop(id));
    assert.equal(site.kubernetes.wipes, 0);
    await site.ok('reset', '--graceful=false', '--wait', '--timeout', '10s', '-n', site.address(1));
    await site.until('Kubernetes is wiped', () => site.kubernetes.wipes === 1);
    assert.equal(site.fleet.hasQuorum(), false);
  });
});
