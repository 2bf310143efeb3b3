import { wordsOf, type Check, type CheckResult, type Problem } from './check.js';

/**
 * What was wrong before a node's turn: `check key` of each trouble, with how many there were of it. Plain JSON, kept in
 * the lease while the node is out.
 */
export type Baseline = Record<string, number>;

/** Troubles that are kept; what comes after them counts as new. An annotation has its limits. */
const MOST = 500;

/** @param checks what was run, with what each found. */
export function baselineOf(checks: readonly { check: Check; result: CheckResult }[]): Baseline {
  const baseline: Baseline = {};
  for (const { check, result } of checks) {
    if (check.excusable !== true || result.outcome !== 'fail') continue;
    for (const { key } of result.problems ?? []) {
      const name = nameOf(check, key);
      if (name in baseline || Object.keys(baseline).length < MOST) baseline[name] = (baseline[name] ?? 0) + 1;
    }
  }
  return baseline;
}

/**
 * The result without the troubles that were there before: of each no more than there were. A second pod of a workload
 * that has begun to crash is a new trouble, although the first one crashed before.
 */
export function withoutKnown(check: Check, result: CheckResult, baseline: Baseline): CheckResult {
  if (check.excusable !== true || result.outcome !== 'fail' || result.problems === undefined) return result;
  const left = { ...baseline };
  const fresh: Problem[] = [];
  const known: Problem[] = [];
  for (const problem of result.problems) {
    const name = nameOf(check, problem.key);
    const count = left[name] ?? 0;
    left[name] = count - 1;
    (count > 0 ? known : fresh).push(problem);
  }
  if (known.length === 0) return result;
  if (fresh.length > 0) return { ...result, found: wordsOf(fresh), problems: fresh };
  return { outcome: 'pass', found: `nothing new; as before: ${wordsOf(known)}`, before: wordsOf(known) };
}

function nameOf({ id }: Check, key: string): string {
  return `${id} ${key}`;
}
