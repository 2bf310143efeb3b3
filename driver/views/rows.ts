import { isGood as isGoodOutcome, type Outcome, type RunNode } from '../events';
import type { Phase } from '../phases';

/** A node in the live view. */
export interface Row extends RunNode {
  startedAt?: number;
  /** Its place in the run: 3/15. */
  place?: string;
  ms?: number;
  outcome?: Outcome | undefined;
  phase?: Phase;
  phaseAt?: number;
  detail?: string;
}

export function isGood(row: Row): boolean {
  return isGoodOutcome(row.outcome);
}

function isUnderWay(row: Row): boolean {
  return row.startedAt !== undefined && row.outcome === undefined;
}

/** The node under way has a second line for what it is at. */
function linesOf(row: Row): number {
  return isUnderWay(row) ? 2 : 1;
}

/**
 * The rows that fit into so many lines: always those under way, then those that failed, then what comes next, then what
 * was finished last. The others are counted.
 */
export function fold(rows: Row[], height: number): { before: number; shown: Row[]; after: number } {
  if (rows.reduce((sum, row) => sum + linesOf(row), 0) <= height) return { before: 0, shown: rows, after: 0 };
  // Two lines tell what is folded.
  let room = height - 2;
  const kept = new Set<Row>();
  for (const row of byImportance(rows)) {
    if (room < linesOf(row) && !isUnderWay(row)) break;
    kept.add(row);
    room -= linesOf(row);
  }
  const hidden = rows.filter((row) => !kept.has(row));
  return {
    before: hidden.filter((row) => row.outcome !== undefined).length,
    shown: rows.filter((row) => kept.has(row)),
    after: hidden.filter((row) => row.outcome === undefined).length,
  };
}

function byImportance(rows: Row[]): Row[] {
  const underWay = rows.filter(isUnderWay);
  const failed = rows.filter((row) => row.outcome !== undefined && !isGood(row));
  const finished = rows.filter(isGood).reverse();
  const pending = rows.filter((row) => row.startedAt === undefined && row.outcome === undefined);
  // The last two finished show where the run comes from.
  return [...underWay, ...failed, ...finished.slice(0, 2), ...pending, ...finished.slice(2)];
}

/** How long a node's turn takes: as planned, or as the finished ones of this run did, of its role where there is one. */
export function expectedMs(row: Row, rows: Row[]): number | undefined {
  if (row.expectedMs !== undefined) return row.expectedMs;
  const whole = rows.filter((other) => isGood(other) && other.outcome !== 'finished');
  const alike = whole.filter((other) => other.role === row.role);
  const measured = (alike.length > 0 ? alike : whole).map((other) => other.ms ?? 0);
  return measured.length === 0 ? undefined : measured.reduce((sum, ms) => sum + ms, 0) / measured.length;
}

/** Milliseconds until the last node is done; undefined while nothing tells, as once the last one takes longer than expected. */
export function remainingMs(rows: Row[], now: number): number | undefined {
  const left = rows.filter((row) => row.outcome === undefined);
  const times = left.map((row) => ({ row, ms: leftOf(row, rows, now) }));
  const known = times.flatMap(({ row, ms }) => (ms === undefined ? [] : [{ row, ms }]));
  if (left.length === 0 || known.length < times.length) return undefined;
  // Those under way end side by side.
  const current = Math.max(0, ...known.filter(({ row }) => isUnderWay(row)).map(({ ms }) => ms));
  const ms = known.filter(({ row }) => !isUnderWay(row)).reduce((sum, next) => sum + next.ms, current);
  return ms === 0 ? undefined : ms;
}

function leftOf(row: Row, rows: Row[], now: number): number | undefined {
  const expected = expectedMs(row, rows);
  if (expected === undefined) return undefined;
  return Math.max(0, expected - (row.startedAt === undefined ? 0 : now - row.startedAt));
}
