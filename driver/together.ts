import { StepError } from '@prox-ops/operations';
import { CommandError } from './exit';
import { heldByAnother } from './lease';
import { Mate, MATE_ACTS, type MateActs } from './mate';
import { beforeTheIrreversible, type Phase } from './phases';
import type { PlannedNode } from './plan';
import { reconcile } from './reconcile';
import { rollBackAfter } from './rollback';
import type { RollOptions } from './rollUpdate';
import type { Outcome } from './runLog';
import { readState, type StackState } from './state';

/** What a batch comes to, by the worst that became of one of its nodes. */
const WORST: readonly Outcome[] = ['open', 'put back', 'rolled back', 'held', 'refused'];

/** What is done to the world for a batch; tests bring their own. */
export interface BatchActs extends MateActs {
  /** After an update that failed: state and world agree again. @throws CommandError where they cannot be made to. */
  settled: (options: RollOptions) => Promise<Pick<StackState, 'hasVm'>>;
  heldByAnother: typeof heldByAnother;
  rollBackAfter: typeof rollBackAfter;
}

const BATCH_ACTS: BatchActs = {
  ...MATE_ACTS,
  settled: async ({ stack, log }) => {
    await reconcile({ stack, log });
    return readState(stack);
  },
  heldByAnother,
  rollBackAfter,
};

const JOINS: Partial<Record<string, Phase>> = { evacuation: 'restore', drain: 'uncordon', turn: 'health' };

/**
 * Several workers replaced at the same time. The run takes them out of service one after the other, with budgets and
 * storage looked at for each; then their VMs go and come in one update of the engine; then the run brings them back one
 * after the other. So no replica moves while a VM of the batch is about to go.
 */
export class Together {
  private readonly options: RollOptions;
  private readonly mates: Mate[];

  constructor(
    options: RollOptions,
    nodes: PlannedNode[],
    private readonly acts: BatchActs = BATCH_ACTS,
  ) {
    this.options = { ...options, batch: nodes.map(({ name }) => name) };
    this.mates = nodes.map((node) => new Mate(this.options, node, acts));
  }

  async take(index: number, of: number): Promise<Outcome> {
    const { log, signal, parallel = 1 } = this.options;
    log.emit({ type: 'batch.started', nodes: this.mates.map(({ name }) => name), limit: parallel });
    const stopped = await this.takeOut(index, of);
    if (stopped) return this.giveUp(stopped);
    try {
      await this.acts.replace(this.options, this.mates, signal);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return this.afterFailure(error.message);
    }
    for (const mate of this.mates) await this.finish(mate);
    return this.rolledBack();
  }

  /** @returns why not all of them could be taken out; their VMs stand then. */
  private async takeOut(index: number, of: number): Promise<{ mate?: Mate; error: Error } | undefined> {
    const { signal } = this.options;
    for (const [offset, mate] of this.mates.entries()) {
      try {
        await mate.takeOut(index + offset, of);
      } catch (error) {
        if (!isExpected(error)) throw error;
        return { mate, error };
      }
      if (signal.aborted) return { error: new Error('stopped by Ctrl-C before any VM was touched') };
    }
    return undefined;
  }

  /** No VM was touched: whatever was taken out is put back, the last one first. */
  private async giveUp({ mate, error }: { mate?: Mate; error: Error }): Promise<Outcome> {
    if (mate && hasNotBegun(error)) {
      mate.end((await this.acts.heldByAnother(this.options)) ? 'held' : 'refused', error.message);
    }
    const because = mate === undefined ? error.message : `${mate.name}, which was to go with it, could not leave`;
    for (const other of [...this.mates].reverse().filter(({ begun, outcome }) => begun && outcome === undefined))
      await this.putBack(other, other === mate ? error.message : because);
    return this.result();
  }

  /**
   * The engine has stopped, each node somewhere on its way. What stands is put back, what is gone is finished, each by
   * itself. Then only what has failed is out, and a single one is rolled back as after a turn of its own.
   */
  private async afterFailure(message: string): Promise<Outcome> {
    const { signal } = this.options;
    const state = await this.reconciled();
    if (!state) return this.result();
    const isGone = ({ name, tracker }: Mate) => tracker.done.includes('delete VM') || !state.hasVm(name);
    const failed = this.mates.filter(({ tracker }) => isStuck(tracker.failed) && !signal.aborted);
    const others = this.mates.filter((mate) => !failed.includes(mate));
    for (const mate of others.filter((one) => !isGone(one)))
      await this.putBack(mate, mate.tracker.failed === undefined ? 'another node of its batch failed' : message);
    for (const mate of others.filter(isGone)) await this.finish(mate);
    for (const mate of failed) mate.fail(message, mate.tracker.failed);
    return this.rolledBack();
  }

  /** @returns undefined when state and world cannot be made to agree: then nothing is touched any more. */
  private async reconciled(): Promise<Pick<StackState, 'hasVm'> | undefined> {
    try {
      return await this.acts.settled(this.options);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      for (const mate of this.mates) mate.fail(error.message);
      return undefined;
    }
  }

  /** While two nodes are out nothing is rolled back: a replacement wants everything else to be well. */
  private async rolledBack(): Promise<Outcome> {
    const open = this.mates.filter(({ outcome }) => outcome === 'open');
    const [only] = open;
    if (!only?.failure || open.length > 1) return this.result();
    const alone: RollOptions = { ...this.options };
    delete alone.batch;
    only.outcome = await this.acts.rollBackAfter(alone, only.node, only.failure.phase, only.failure.message);
    return this.result();
  }

  private async putBack(mate: Mate, why: string): Promise<void> {
    await this.attempt(mate, 'put back', () => mate.putBack(), why);
    // What could not even be put back is nothing that another replacement would mend.
    delete mate.failure;
  }

  private async finish(mate: Mate): Promise<void> {
    await this.attempt(mate, 'replaced', () => mate.finish());
  }

  /** What goes wrong with one of them leaves it out, and is no reason to leave the others out as well. */
  private async attempt(mate: Mate, outcome: Outcome, act: () => Promise<void>, why?: string): Promise<void> {
    try {
      await act();
      mate.end(outcome, why);
    } catch (error) {
      if (!isExpected(error)) throw error;
      mate.fail([why, error.message].filter(Boolean).join('\n'), phaseOf(error) ?? mate.tracker.failed);
    }
  }

  private result(): Outcome {
    const outcomes = this.mates.map(({ outcome }) => outcome);
    return WORST.find((outcome) => outcomes.includes(outcome)) ?? 'replaced';
  }
}

/** What fails from the VM's end on is not put back, as in a turn of its own. */
function isStuck(failed: Phase | undefined): boolean {
  return failed !== undefined && !beforeTheIrreversible(failed);
}

/** The turn itself was refused: nothing of the node was begun. */
function hasNotBegun(error: Error): boolean {
  return !(error instanceof StepError) || error.step === 'turn';
}

/** The phase of a join that the run did itself. */
function phaseOf(error: StepError | CommandError): Phase | undefined {
  return error instanceof StepError ? JOINS[error.step] : undefined;
}

/** UpdateError among them. */
function isExpected(error: unknown): error is StepError | CommandError {
  return error instanceof StepError || error instanceof CommandError;
}
