import { randomBytes } from 'node:crypto';
import type { EventLog, WorldEvent } from '../../world/events.js';
import type { Clock } from '../../world/clock.js';
import {
  BAD_TRANSFEREE,
  EtcdError,
  MEMBER_NOT_FOUND,
  NOT_ENOUGH_STARTED,
  NO_LEADER,
  PEER_URL_EXISTS,
  TOO_MANY_LEARNERS,
  TRANSFER_TIMEOUT,
  UNHEALTHY,
} from './errors.js';

export interface Member {
  /** 64 bits as a decimal string; hex() gives the form people see. */
  readonly id: string;
  /** Empty until the member has started once. */
  name: string;
  /** The machine it was added for. */
  readonly node: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  learner: boolean;
  /** Whether its process runs. */
  live: boolean;
}

/** An address as etcd's members advertise it. */
export interface Peer {
  name: string;
  address: string;
}

type Change = Extract<WorldEvent, { type: 'etcd.member' }>['change'];

/**
 * One etcd cluster's membership: who belongs to it, who runs, who leads. What would change it is refused for the
 * reasons for which etcd refuses it (strict reconfiguration checks, one learner at a time, quorum).
 */
export class EtcdCluster {
  /** Names the cluster in the data directories of its members: another bootstrap makes another cluster. */
  readonly id = randomBytes(8).toString('hex');
  private readonly members = new Map<string, Member>();
  private readonly listeners = new Set<() => void>();
  private leaderId: string | undefined;
  private quorum = false;
  private term = 1;
  private readonly born: number;
  private proposals = 8;

  constructor(
    private readonly events: EventLog,
    private readonly clock: Clock,
  ) {
    this.born = clock.now();
  }

  /** Makes the first member: a voter from the start, and the leader. */
  bootstrap(peer: Peer): Member {
    const member = this.make(peer, false);
    member.name = peer.name;
    member.live = true;
    this.settle('added', member);
    return member;
  }

  /**
   * What Talos does to join with an empty data directory: removes an older member of the same name, then adds this one
   * as a learner. It is listed without a name until it starts.
   * @throws EtcdError when etcd refuses.
   */
  join(peer: Peer): Member {
    this.needLeader();
    const own = this.list().find(({ name }) => name === peer.name);
    if (own) this.remove(own.id);
    if (this.list().some(({ peerUrl }) => peerUrl === peerUrlOf(peer))) throw new EtcdError(PEER_URL_EXISTS);
    if (this.list().some(({ learner }) => learner)) throw new EtcdError(TOO_MANY_LEARNERS);
    if (this.voters().some(({ live }) => !live)) throw new EtcdError(UNHEALTHY);
    const member = this.make(peer, true);
    this.settle('added', member);
    return member;
  }

  /** A member's process begins to run. @returns undefined when the cluster no longer knows it: its data is of no use. */
  start(id: string, name: string): Member | undefined {
    const member = this.members.get(id);
    if (!member || member.live) return member;
    member.name = name;
    member.live = true;
    this.settle('started', member);
    return member;
  }

  stop(id: string): void {
    const member = this.members.get(id);
    if (!member?.live) return;
    member.live = false;
    this.settle('stopped', member);
  }

  /** @throws EtcdError without quorum or when the member is gone. */
  promote(id: string): void {
    this.needLeader();
    const member = this.find(id);
    if (!member.learner) return;
    member.learner = false;
    this.settle('promoted', member);
  }

  /** @throws EtcdError when it is unknown or when quorum would be at risk. */
  remove(id: string): Member {
    this.needLeader();
    const member = this.find(id);
    if (!member.learner) this.mayRemove(member);
    this.members.delete(id);
    this.settle('removed', member);
    return member;
  }

  /** Moves the leadership from a member to the first other one in the list. @returns its name, '' when nothing moved. */
  forfeit(id: string): string {
    this.needLeader();
    const members = this.list();
    if (members.length === 1) throw new EtcdError('cannot forfeit leadership, only one member');
    if (this.leaderId !== id) return '';
    const next = members.find((member) => member.id !== id)!;
    if (next.learner) throw new EtcdError(BAD_TRANSFEREE);
    if (!next.live) throw new EtcdError(TRANSFER_TIMEOUT);
    this.lead(next);
    this.announce();
    return next.name;
  }

  /** In the order in which etcd lists them. */
  list(): Member[] {
    return [...this.members.values()].sort((a, b) => (a.peerUrl < b.peerUrl ? -1 : 1));
  }

  member(id: string): Member | undefined {
    return this.members.get(id);
  }

  voters(): Member[] {
    return this.list().filter(({ learner }) => !learner);
  }

  /** More than half of the voters run. */
  hasQuorum(): boolean {
    const voters = this.voters();
    return voters.filter(({ live }) => live).length * 2 > voters.length;
  }

  get leader(): string | undefined {
    return this.leaderId;
  }

  get raftTerm(): number {
    return this.term;
  }

  /** Grows with time, as a cluster's does with its leases and compactions alone, and with every change. */
  get raftIndex(): number {
    return this.proposals + Math.floor((this.clock.now() - this.born) / 200);
  }

  /** @throws EtcdError 'no leader'. */
  needLeader(): void {
    if (!this.hasQuorum()) throw new EtcdError(NO_LEADER);
  }

  /** Calls back after every change; returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private make({ name, address }: Peer, learner: boolean): Member {
    const id = randomBytes(8).readBigUInt64BE().toString();
    const urls = { peerUrl: peerUrlOf({ address }), clientUrl: `https://${address}:2379` };
    const member: Member = { id, name: '', node: name, ...urls, learner, live: false };
    this.members.set(id, member);
    return member;
  }

  private find(id: string): Member {
    const member = this.members.get(id);
    if (!member) throw new EtcdError(MEMBER_NOT_FOUND);
    return member;
  }

  /** etcd's strict reconfiguration check: a dead member may always go, a live one only while enough others live. */
  private mayRemove(member: Member): void {
    const voters = this.voters();
    const others = voters.filter((voter) => voter !== member);
    const started = others.filter(({ name }) => name !== '').length;
    if (started < Math.floor(others.length / 2) + 1) throw new EtcdError(NOT_ENOUGH_STARTED);
    if (!member.live) return;
    const active = voters.filter(({ live }) => live).length;
    if (active - 1 < 1 + Math.floor((voters.length - 1) / 2)) throw new EtcdError(UNHEALTHY);
  }

  private settle(change: Change, member: Member): void {
    this.proposals += 3;
    this.emitMember(change, member);
    const had = this.quorum;
    this.quorum = this.hasQuorum();
    const live = this.voters().filter(({ live }) => live).length;
    if (this.quorum !== had) {
      this.events.emit({ type: 'etcd.quorum', has: this.quorum, live, voters: this.voters().length });
    }
    this.elect();
    this.announce();
  }

  private elect(): void {
    const leader = this.leaderId === undefined ? undefined : this.members.get(this.leaderId);
    if (this.quorum && leader?.live && !leader.learner) return;
    this.leaderId = undefined;
    const next = this.quorum ? this.voters().find(({ live }) => live) : undefined;
    if (next) this.lead(next);
  }

  private lead(member: Member): void {
    this.leaderId = member.id;
    this.term += 1;
    this.events.emit({ type: 'etcd.leader', id: hex(member.id), node: member.node });
  }

  private emitMember(change: Change, member: Member): void {
    const learners = this.list().filter(({ learner }) => learner).length;
    const voters = this.voters().length;
    this.events.emit({ type: 'etcd.member', change, id: hex(member.id), node: member.node, voters, learners });
  }

  private announce(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

/** A member id as people see it: 16 hexadecimal digits. */
export function hex(id: string): string {
  return BigInt(id).toString(16).padStart(16, '0');
}

function peerUrlOf({ address }: { address: string }): string {
  return `https://${address}:2380`;
}
