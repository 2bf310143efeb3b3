import type { Session } from '../clients/session.js';
import type { Clock, ClusterAccess, Settings } from '../contract.js';

/** What a check may ask. */
export interface CheckContext {
  session: Session;
  access: ClusterAccess;
  settings: Settings;
  clock: Clock;
  /** Names of nodes that are out by the asking run's own doing: neither they nor what runs on them is to be well. */
  excused?: readonly string[];
}

/** Whether a check has to do with that node. */
export function isJudged({ excused = [] }: CheckContext, node: string | undefined): boolean {
  return node === undefined || !excused.includes(node);
}

export type CheckResult =
  | { outcome: 'pass'; found: string }
  | { outcome: 'fail'; expected: string; found: string }
  /** Does not apply to this cluster, and why. */
  | { outcome: 'skipped'; why: string };

/** A condition with a description; lists of checks are data. */
export interface Check {
  id: string;
  describe: string;
  /** Where its answer comes from, for whoever doubts it. */
  how: string;
  /** One look. What it throws counts as failed. */
  run: (ctx: CheckContext) => Promise<CheckResult>;
}

export function pass(found: string): CheckResult {
  return { outcome: 'pass', found };
}

export function fail(expected: string, found: string): CheckResult {
  return { outcome: 'fail', expected, found };
}

export function skipped(why: string): CheckResult {
  return { outcome: 'skipped', why };
}

/** Passes with `good` when there are no problems, otherwise fails with the first of them. */
export function verdict(problems: string[], expected: string, good: string): CheckResult {
  if (problems.length === 0) return pass(good);
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  return fail(expected, problems.slice(0, 5).join('; ') + more);
}
