import type { Recorded } from '../world/events.js';
import type { Fleet } from './fleet.js';
import type { PowerEvent } from './power.js';
import type { Report } from './verdict.js';

/**
 * I2, second part: etcd never loses its quorum, and no node's VM is touched while another control plane's member is
 * missing or still a learner.
 */
export class QuorumRule {
  /** Members by id. */
  private readonly members = new Map<string, { node: string; voter: boolean; up: boolean }>();
  /** Nodes that belong to etcd, whether they are members now or not. */
  private readonly belong = new Set<string>();
  private readonly told = new Set<string>();

  constructor(
    private readonly fleet: Fleet,
    private readonly report: Report,
  ) {}

  arm(): void {
    this.belong.clear();
    for (const { node } of this.members.values()) this.belong.add(node);
  }

  /** `armed`: outside the watch, membership is only noted. */
  onEvent(event: Recorded, armed: boolean): void {
    if (event.type === 'etcd.member') this.member(event);
    if (!armed) return;
    if (event.type === 'etcd.quorum' && !event.has) {
      this.report('I2', `etcd lost its quorum: ${event.live} of ${event.voters} voters live`, { event });
    }
  }

  /** To be called while the fleet still knows the VM. */
  powerLost({ name, generation, how }: PowerEvent): void {
    if (!this.fleet.node(name)) return;
    const voters = new Set([...this.members.values()].filter(({ voter, up }) => voter && up).map(({ node }) => node));
    const missing = [...this.belong].filter((node) => node !== name && !voters.has(node) && this.fleet.node(node));
    const key = `${generation} ${missing.join(' ')}`;
    if (missing.length === 0 || this.told.has(key)) return;
    this.told.add(key);
    const what = `the VM of ${name} was ${how} while etcd was without a live voter on ${missing.join(', ')}`;
    this.report('I2', what, { node: name, missing, voters: [...voters] });
  }

  private member(event: Extract<Recorded, { type: 'etcd.member' }>): void {
    switch (event.change) {
      case 'added':
        // The member that bootstraps the cluster is a voter from the start; every other one begins as a learner.
        this.members.set(event.id, { node: event.node, voter: event.learners === 0, up: true });
        this.belong.add(event.node);
        break;
      case 'promoted':
        this.members.set(event.id, { node: event.node, voter: true, up: true });
        break;
      case 'removed':
        this.members.delete(event.id);
        break;
      case 'started':
      case 'stopped':
        this.power(event.id, event.change === 'started');
        break;
    }
  }

  private power(id: string, up: boolean): void {
    const member = this.members.get(id);
    if (member) member.up = up;
  }
}
