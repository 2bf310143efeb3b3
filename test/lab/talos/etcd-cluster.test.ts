import assert from 'node:assert/strict';
import { EtcdCluster, hex, type Member } from '../../../lab/talos/etcd/cluster.js';
import { EventLog } from '../../../lab/world/events.js';
import { testBase } from '../../support/network';

describe('talos: who may join and leave an etcd cluster', () => {
  let events: EventLog;
  let cluster: EtcdCluster;
  let now: number;
  beforeEach(() => {
    now = 1_000;
    events = new EventLog(() => now);
    cluster = new EtcdCluster(events, { now: () => now, delay: async () => undefined });
  });

  const peer = (name: string, last = Number(name.at(-1))) => ({ name, address: `127.${testBase(103)}.67.${last}` });
  const voter = (name: string, last?: number): Member => {
    const member = cluster.join(peer(name, last));
    cluster.start(member.id, name);
    cluster.promote(member.id);
    return member;
  };
  /** Three voters, the first of which leads. */
  const three = (): [Member, Member, Member] => [cluster.bootstrap(peer('a1')), voter('a2'), voter('a3')];
  const refuses = (work: () => unknown, message: RegExp) => assert.throws(work, message);

  it('begins with one voter that leads, and adds others as learners without a name', () => {
    const first = cluster.bootstrap(peer('a1'));
    assert.equal(cluster.leader, first.id);
    assert.match(hex(first.id), /^[0-9a-f]{16}$/);
    const second = cluster.join(peer('a2'));
    assert.deepEqual([second.learner, second.name, cluster.voters().length], [true, '', 1]);
    const told = events.all().filter((event) => event.type === 'etcd.member');
    assert.deepEqual(
      told.map(({ change, voters, learners }) => [change, voters, learners]),
      [
        ['added', 1, 0],
        ['added', 1, 1],
      ],
    );
  });

  it('has room for one learner at a time', () => {
    cluster.bootstrap(peer('a1'));
    cluster.join(peer('a2'));
    refuses(() => cluster.join(peer('a3')), /too many learner members/);
  });

  it('lets nobody join while a voter is down', () => {
    const [, , third] = three();
    cluster.stop(third.id);
    refuses(() => cluster.join(peer('a4')), /unhealthy cluster/);
  });

  it('drops a dead member of the same name for a machine that joins with an empty disk', () => {
    const [, , third] = three();
    cluster.stop(third.id);
    const again = cluster.join(peer('a3'));
    assert.notEqual(again.id, third.id);
    assert.equal(cluster.member(third.id), undefined);
  });

  it('refuses the address of a dead member of another name until that is removed', () => {
    const [, , third] = three();
    cluster.stop(third.id);
    refuses(() => cluster.join(peer('b3')), /Peer URLs already exists/);
    cluster.remove(third.id);
    assert.equal(cluster.join(peer('b3')).learner, true);
  });

  it('elects another leader when the leader goes, and has none without quorum', () => {
    const [first, second] = three();
    const { raftTerm } = cluster;
    cluster.stop(first.id);
    assert.equal(cluster.leader, second.id);
    assert.equal(cluster.raftTerm, raftTerm + 1);
    cluster.stop(second.id);
    assert.deepEqual([cluster.leader, cluster.hasQuorum()], [undefined, false]);
    for (const work of [
      () => cluster.join(peer('a4')),
      () => cluster.remove(first.id),
      () => cluster.forfeit(first.id),
    ]) {
      refuses(work, /no leader/);
    }
    const quorum = events.all().filter((event) => event.type === 'etcd.quorum');
    assert.deepEqual(quorum.at(-1), { ...quorum.at(-1), has: false, live: 1, voters: 3 });
  });

  it('lets the dead go always, and the living only while enough others live', () => {
    const [first, second, third] = three();
    cluster.stop(third.id);
    refuses(() => cluster.remove(second.id), /unhealthy cluster/);
    cluster.remove(third.id);
    cluster.remove(second.id);
    refuses(() => cluster.remove(first.id), /not enough started members/);
    refuses(() => cluster.remove(second.id), /member not found/);
  });

  it('knows a removed member no more when it starts on its old data', () => {
    const [, , third] = three();
    cluster.stop(third.id);
    cluster.remove(third.id);
    assert.equal(cluster.start(third.id, 'a3'), undefined);
  });

  it('moves the leadership to the first other member, if that can lead', () => {
    const [first, second] = three();
    assert.equal(cluster.forfeit(second.id), '', 'it does not lead');
    assert.equal(cluster.forfeit(first.id), 'a2');
    cluster.stop(first.id);
    refuses(() => cluster.forfeit(second.id), /leader transfer took too long/);
  });

  it('counts on with time', () => {
    cluster.bootstrap(peer('a1'));
    const before = cluster.raftIndex;
    now += 1_000;
    assert.ok(cluster.raftIndex > before);
  });
});
