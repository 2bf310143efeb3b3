import type { EngineEvent } from '@pulumi/pulumi/automation';
import { clean } from './engine';
import { phaseOf, type Phase, type PhaseEvent } from './phases';
import type { RunLog } from './runLog';

/** Turns the engine's events of one node's update into phases and progress lines of the run. */
export class TurnTracker {
  /** The phase that failed. */
  failed: Phase | undefined;
  /** Phases that ended well, in their order. */
  readonly done: Phase[] = [];
  private readonly started = new Map<Phase, number>();

  /** Nothing of the node was begun: the engine refused the update before its first step. */
  get untouched(): boolean {
    return this.started.size === 0;
  }

  constructor(
    private readonly node: string,
    private readonly log: RunLog,
  ) {}

  add(event: EngineEvent): void {
    const change = phaseOf(event);
    if (change) this.note(change);
    this.addProgress(event);
  }

  note({ phase, state }: PhaseEvent): void {
    if (state === 'started') {
      this.started.set(phase, Date.now());
      this.log.emit({ type: 'phase.started', node: this.node, phase });
      return;
    }
    if (state === 'failed') {
      this.failed ??= phase;
      return;
    }
    this.done.push(phase);
    const ms = Date.now() - (this.started.get(phase) ?? Date.now());
    this.log.emit({ type: 'phase.finished', node: this.node, phase, ms });
  }

  /** What a lifecycle step prints reaches us as a diagnostic, while it runs: `[node] step: message`. */
  private addProgress(event: EngineEvent): void {
    const diagnostic = event.diagnosticEvent;
    if (diagnostic?.severity !== 'info') return;
    for (const line of diagnostic.message.split('\n')) {
      const match = /^\[([^\]]+)\] (.+)$/.exec(clean(line));
      if (match?.[2] !== undefined) this.log.emit({ type: 'progress', node: match[1], message: match[2] });
    }
  }
}
