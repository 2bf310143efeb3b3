import type { Session } from '../clients/session.js';
import type { Clock, ClusterAccess, Settings } from '../contract.js';

/** What a check may ask. */
export interface CheckContext {
  session: Session;
  access: ClusterAccess;
  settings: Settings;
  clock: Clock;
  /** Absent: nothing may be written, and the check that takes a Job in the cluster is left out. */
  probe?: Probe;
  /** Names of nodes that are out by the asking run's own doing: neither they nor what runs on them is to be well. */
  excused?: readonly string[];
}

/** Whether a check has to do with that node. */
export function isJudged({ excused = [] }: CheckContext, node: string | undefined): boolean {
  return node === undefined || !excused.includes(node);
}

/** A look that takes a change of the cluster. */
export interface Probe {
  look: (ctx: CheckContext) => Promise<CheckResult>;
  /** What it found does not stand any more: the next look makes another one. */
  forget: () => void;
}

/** One thing that is wrong. */
export interface Problem {
  /** Whose trouble it is, by what stays the same when pods get other names or the trouble another word. */
  key: string;
  text: string;
}

export type CheckResult =
  /** `before`: what is wrong and was before the turn, in words. */
  | { outcome: 'pass'; found: string; before?: string }
  /** Without `problems` there is no telling what is wrong: the check itself did not come to an end. */
  | { outcome: 'fail'; expected: string; found: string; problems?: Problem[] }
  /** Does not apply to this cluster, and why. */
  | { outcome: 'skipped'; why: string };

/** A condition with a description; lists of checks are data. */
export interface Check {
  id: string;
  describe: string;
  /** Where its answer comes from, for whoever doubts it. */
  how: string;
  /** What was wrong before a node's turn may stay so after it: it is told, and not held against the turn. */
  excusable?: true;
  /** One look. What it throws counts as failed. */
  run: (ctx: CheckContext) => Promise<CheckResult>;
}

export function pass(found: string): CheckResult {
  return { outcome: 'pass', found };
}

export function fail(expected: string, found: string): Extract<CheckResult, { outcome: 'fail' }> {
  return { outcome: 'fail', expected, found };
}

export function skipped(why: string): CheckResult {
  return { outcome: 'skipped', why };
}

/** Passes with `good` when there are no problems, otherwise fails with the first of them. A text is its own key. */
export function verdict(problems: (string | Problem)[], expected: string, good: string): CheckResult {
  if (problems.length === 0) return pass(good);
  const all = problems.map((problem) => (typeof problem === 'string' ? { key: problem, text: problem } : problem));
  return { ...fail(expected, wordsOf(all)), problems: all };
}

/** The first of them, in words. */
export function wordsOf(problems: readonly Problem[]): string {
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  return (
    problems
      .slice(0, 5)
      .map(({ text }) => text)
      .join('; ') + more
  );
}
