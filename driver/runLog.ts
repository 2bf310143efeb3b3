import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Phase } from './phases';

export interface RunNode {
  name: string;
  role: string;
  from: string | undefined;
  to: string;
}

/** Everything a run says, to the live view, to the audit trail and to programs (`--json`). No secret is ever in one. */
export type RunEvent =
  | { type: 'run.started'; runId: string; command: string; stack: string; holder: string; nodes: RunNode[] }
  | { type: 'run.reconciled'; what: string }
  | { type: 'prepare.started'; resources: number }
  | { type: 'prepare.finished'; ms: number }
  | { type: 'node.started'; node: string; index: number; of: number; from: string | undefined; to: string }
  | { type: 'phase.started'; node: string; phase: Phase }
  | { type: 'phase.finished'; node: string; phase: Phase; ms: number }
  | { type: 'rollback.started'; node: string; from: string; to: string; why: string }
  | { type: 'progress'; node: string | undefined; message: string }
  | { type: 'node.finished'; node: string; outcome: Outcome; ms: number; message?: string }
  | {
      type: 'run.finished';
      outcome: 'done' | 'nothing to do' | 'stopped';
      ms: number;
      exitCode: number;
      message?: string;
    };

/**
 * refused: nothing was begun. held: nothing was begun, another run has the lease. put back: what was taken down is back. rolled back: the
 * node runs its previous release again. open: the node is out of the cluster, or not healthy.
 */
export type Outcome = 'replaced' | 'finished' | 'refused' | 'held' | 'put back' | 'rolled back' | 'open';

export type Recorded = RunEvent & { at: string };

/** The run's events: kept, written to an append-only file, handed to listeners in order. */
export class RunLog {
  readonly events: Recorded[] = [];
  readonly file: string;
  private readonly listeners: ((event: Recorded) => void)[] = [];

  constructor(directory: string, runId: string) {
    const runs = join(directory, '.prox-ops', 'runs');
    mkdirSync(runs, { recursive: true, mode: 0o700 });
    this.file = join(runs, `${runId}.jsonl`);
  }

  emit(event: RunEvent): void {
    const recorded = { ...event, at: new Date().toISOString() };
    this.events.push(recorded);
    appendFileSync(this.file, `${JSON.stringify(recorded)}\n`, { mode: 0o600 });
    for (const listener of this.listeners) listener(recorded);
  }

  listen(listener: (event: Recorded) => void): void {
    this.listeners.push(listener);
  }
}
