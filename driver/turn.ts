import { ONLY_NODES } from '../config/narrowing';
import { abortNode } from './abort';
import { OWN_PACK } from './check/packs';
import { UpdateError } from './engine';
import { descriptionDigest } from './judged';
import { heldByAnother } from './lease';
import { TurnTracker } from './nodeTurn';
import { beforeTheIrreversible, type Phase } from './phases';
import type { PlannedNode } from './plan';
import { applyUpdate, type TurnOptions } from './rollUpdate';
import type { Outcome } from './runLog';

/** What a turn has done that ended well, where that is no replacement. */
const DONE: Partial<Record<PlannedNode['action'], Outcome>> = {
  'roll back': 'rolled back',
  finish: 'finished',
  add: 'added',
  remove: 'removed',
};

/** One node's turn: the update of that node alone, and what follows when it fails or is interrupted. */
export class NodeTurn {
  /** The step that failed, and what it said, once the turn has ended. */
  failure: { phase: Phase | undefined; message: string } | undefined;

  private readonly started = Date.now();
  private readonly tracker: TurnTracker;

  constructor(
    private readonly options: TurnOptions,
    private readonly node: PlannedNode,
  ) {
    this.tracker = new TurnTracker(node.name, options.log);
  }

  async take(index: number, of: number): Promise<Outcome> {
    const { log } = this.options;
    const { name, from, to } = this.node;
    log.emit({ type: 'node.started', node: name, index, of, from, to });
    try {
      await this.update(this.options.signal);
      return this.finish(this.done);
    } catch (error) {
      if (!(error instanceof UpdateError)) throw error;
      return this.options.signal.aborted ? await this.afterInterrupt() : await this.afterFailure(error);
    }
  }

  private get done(): Outcome {
    return DONE[this.node.action] ?? 'replaced';
  }

  /** Whether the VM that stood before this turn is no more. */
  get vmIsGone(): boolean {
    return this.tracker.done.includes('delete VM') || this.node.action === 'finish';
  }

  private update(signal: AbortSignal | undefined): Promise<void> {
    const { name, urns } = this.node;
    return applyUpdate(this.options, {
      targets: urns,
      environment: { [ONLY_NODES]: name },
      onEvent: (event) => {
        this.tracker.add(event);
      },
      message: `prox-ops roll: ${name}`,
      signal,
      policyPacks: this.policiesLeft(),
    });
  }

  /**
   * Our own pack takes a fifth of an update's time to load, and has judged this very node in the plan's preview. It is
   * asked again where the preview did not know everything, or the description was changed under the run.
   */
  private policiesLeft(): string[] {
    const { stack, judged, policyPacks = [] } = this.options;
    const again = !this.node.known || judged !== descriptionDigest(stack);
    return again ? policyPacks : policyPacks.filter((pack) => pack !== OWN_PACK);
  }

  private finish(outcome: Outcome, message?: string): Outcome {
    const ms = Date.now() - this.started;
    const { log } = this.options;
    log.emit({ type: 'node.finished', node: this.node.name, outcome, ms, ...(message !== undefined && { message }) });
    return outcome;
  }

  /** Ctrl-C: the node is not left half replaced. Its VM still stands, then it is put back; it is gone, then it is finished. */
  private async afterInterrupt(): Promise<Outcome> {
    if (this.tracker.untouched) return this.finish('refused', 'stopped before its first step');
    if (!this.vmIsGone) return this.finish(await this.putBack(), 'stopped by Ctrl-C');
    this.say('stopped by Ctrl-C: the VM is gone already, so this node is finished first');
    try {
      await this.update(undefined);
      return this.finish(this.done);
    } catch (error) {
      if (!(error instanceof UpdateError)) throw error;
      return this.finish('open', error.message);
    }
  }

  /** The VM still stands: what was taken down is put back. It is gone or half joined: nothing is touched any more. */
  private async afterFailure(error: UpdateError): Promise<Outcome> {
    const { tracker } = this;
    this.failure = { phase: tracker.failed, message: error.message };
    if (tracker.untouched) return this.finish('refused', error.message);
    // The first step takes nothing down: it gives the lease back itself when it fails.
    if (tracker.failed === 'turn' && tracker.done.length === 0)
      return this.finish((await heldByAnother(this.options)) ? 'held' : 'refused', error.message);
    const stands = tracker.failed !== undefined && beforeTheIrreversible(tracker.failed) && !this.vmIsGone;
    return this.finish(stands ? await this.putBack() : 'open', error.message);
  }

  private async putBack(): Promise<Outcome> {
    this.say('abort: putting back what was taken down');
    try {
      await abortNode(this.options, this.node.name);
      return 'put back';
    } catch (error) {
      this.say(`abort failed: ${error instanceof Error ? error.message : String(error)}`);
      return 'open';
    }
  }

  private say(message: string): void {
    this.options.log.emit({ type: 'progress', node: this.node.name, message });
  }
}
