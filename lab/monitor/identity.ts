import type { Recorded } from '../world/events.js';
import type { Report } from './verdict.js';

/** I6: the fingerprint of the Talos secrets that machine configurations carry never changes, unless that was told. */
export class IdentityRule {
  private expected: { fingerprint: string; node: string; seq: number } | undefined;
  private changeAllowed = false;

  constructor(private readonly report: Report) {}

  /** TALOS_DESTROY_SECRETS was given: the next new fingerprint is the cluster's from then on. */
  allowChange(): void {
    this.changeAllowed = true;
  }

  onEvent(event: Recorded): void {
    if (event.type !== 'talos.identity' || event.fingerprint === this.expected?.fingerprint) return;
    const { node, fingerprint, seq } = event;
    const before = this.expected;
    if (before !== undefined && !this.changeAllowed) {
      const what = `${node} got a machine configuration with other Talos secrets`;
      this.report('I6', what, { expected: before, found: fingerprint });
      return;
    }
    this.expected = { fingerprint, node, seq };
    this.changeAllowed = false;
  }
}
