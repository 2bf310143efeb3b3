import { renameSync, writeFileSync } from 'node:fs';

/** What must hold whatever happens, as design.md names it. */
export const INVARIANTS = {
  I1: 'never more than one node unavailable through us',
  I2: 'control planes first, etcd never below quorum, member count restored before the next node',
  I3: 'no VM stopped or deleted while a LINSTOR resource is faulty or the node still holds a guarded replica',
  I4: 'no eviction against a PodDisruptionBudget, no pod deleted around the eviction API',
  I5: 'the VM deleted is the VM planned',
  I6: 'the Talos secrets survive everything but the named flag',
  I7: 'no secret in a log, event, report, preview, process list or message',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export const INVARIANT_NAMES = Object.keys(INVARIANTS) as Invariant[];

/** A point in the world's order of events: its time (milliseconds since the epoch) and the last event before it. */
export interface Moment {
  at: number;
  seq: number;
}

export interface Violation extends Moment {
  /** One sentence, without any secret. */
  what: string;
  evidence: Record<string, unknown>;
}

export interface Verdict {
  invariant: Invariant;
  says: string;
  /** False once it was violated, for good. */
  holds: boolean;
  violations: Violation[];
  /** Why it was not (or not wholly) watched; absent when it was. A verdict that saw nothing proves nothing. */
  unwatched?: string;
}

/** What `verdict.json` holds. */
export interface Judgement {
  /** When the watch over I1 to I5 began, milliseconds since the epoch; null: not yet, or called off. */
  armed: number | null;
  /** No invariant is violated. */
  holds: boolean;
  /** Every invariant was watched from the arming on. */
  complete: boolean;
  invariants: Verdict[];
}

/** How a rule tells of a violation; without a moment it happened now. */
export type Report = (invariant: Invariant, what: string, evidence: Record<string, unknown>, moment?: Moment) => void;

/** Collects violations in the order in which they were found. */
export class VerdictBook {
  private readonly violations = new Map<Invariant, Violation[]>(INVARIANT_NAMES.map((name) => [name, []]));

  constructor(
    private readonly moment: () => Moment,
    private readonly changed: () => void,
  ) {}

  readonly report: Report = (invariant, what, evidence, { at, seq } = this.moment()) => {
    this.violations.get(invariant)?.push({ at, seq, what, evidence });
    this.changed();
  };

  judgement(armed: number | null, unwatched: Partial<Record<Invariant, string>>, workersOut = 1): Judgement {
    const invariants = INVARIANT_NAMES.map((invariant): Verdict => {
      const violations = [...(this.violations.get(invariant) ?? [])];
      const verdict = { invariant, says: saying(invariant, workersOut), holds: violations.length === 0, violations };
      const reason = unwatched[invariant];
      return reason === undefined ? verdict : { ...verdict, unwatched: reason };
    });
    return {
      armed,
      holds: invariants.every(({ holds }) => holds),
      complete: invariants.every(({ unwatched: reason }) => reason === undefined),
      invariants,
    };
  }
}

/** What must hold, with what was announced of it. */
function saying(invariant: Invariant, workersOut: number): string {
  const says = INVARIANTS[invariant];
  return invariant === 'I1' && workersOut > 1 ? `${says}, or up to ${workersOut} workers as was announced` : says;
}

/** Replaces the file in one step: a reader sees the old judgement or the new one, never half of it. */
export function writeJudgement(file: string, judgement: Judgement): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, `${JSON.stringify(judgement, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(partial, file);
}
