import {
  abortInPlace,
  changeInPlace,
  changeKubernetes,
  StepError,
  takeOut,
  type BracketInputs,
  type InPlaceChange,
  type InPlaceOptions,
  type InPlaceResult,
  type KubernetesChange,
} from '@prox-ops/operations';
import { heldByAnother } from './lease';
import { TurnTracker } from './nodeTurn';
import type { TurnOptions } from './rollUpdate';
import type { Outcome } from './runLog';

interface Ended {
  outcome: Outcome | 'changed';
  message?: string;
}

/** One node's turn in which its VM stays: run by this process, with the steps of a replacement around the change. */
export class InPlaceTurn {
  private readonly tracker: TurnTracker;

  constructor(
    private readonly options: TurnOptions,
    private readonly node: string,
  ) {
    this.tracker = new TurnTracker(node, options.log);
  }

  /** Whether the machine ended up changed, what became of the node, and why it is not as it was to be. */
  async take(inputs: BracketInputs, change: InPlaceChange): Promise<Ended> {
    return this.ended(() => changeInPlace(inputs, change, this.stepOptions()));
  }

  /** The same of one part of its Kubernetes. */
  async changeKubernetes(inputs: BracketInputs, change: KubernetesChange): Promise<Ended> {
    return this.ended(() => changeKubernetes(inputs, change, this.stepOptions()));
  }

  private async ended(act: () => Promise<InPlaceResult>): Promise<Ended> {
    try {
      return await this.told(await act());
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      return { outcome: 'open', message: error.message };
    }
  }

  /** Takes a worker of a batch out of service, its VM standing. @throws StepError; what had been done before stays. */
  async takeOut(inputs: BracketInputs): Promise<void> {
    await takeOut(inputs, this.stepOptions());
  }

  /** Gives back what a change that was stopped had taken. @throws StepError. */
  async putBack(inputs: BracketInputs): Promise<void> {
    await abortInPlace(inputs, this.stepOptions());
  }

  private async told({ outcome, why }: InPlaceResult): Promise<Ended> {
    const message = why === undefined ? {} : { message: why };
    if (outcome !== 'put back' || this.tracker.failed !== 'turn') return { outcome, ...message };
    return { outcome: (await heldByAnother(this.options)) ? 'held' : 'refused', ...message };
  }

  private stepOptions(): InPlaceOptions {
    const { runId, signal, batch } = this.options;
    const report = (line: string) => {
      this.report(line);
    };
    const ctx = { runId, signal, report, ...(batch && { batch }) };
    return { ctx, onPhase: (phase, state) => this.tracker.note({ phase, state }) };
  }

  /** A step's line names its node: `[k8s-work-1] drain: cordoned`. */
  private report(line: string): void {
    const message = line.replace(/^\[[^\]]+\] /, '');
    this.options.log.emit({ type: 'progress', node: this.node, message });
  }
}
