import type { CheckReport, HealthReport } from '@prox-ops/operations';
import Table from 'cli-table3';

const MARKS = { pass: '✓', fail: '✗', skipped: '-' } as const;

/** Characters of a cell; longer texts are wrapped. */
const WIDTHS = { check: 18, found: 62, how: 44 };

/** A round of checks, for people. @param how with where each answer comes from. */
export function checksText({ checks, summary }: HealthReport, how = false): string {
  const table = new Table({
    head: ['', 'check', 'found', ...(how ? ['known from'] : [])],
    style: { head: [], border: [], compact: true },
    wordWrap: true,
    ...(how && { colWidths: [3, WIDTHS.check, WIDTHS.found, WIDTHS.how] }),
  });
  for (const check of checks)
    table.push([MARKS[check.result.outcome], check.id, told(check.result), ...(how ? [check.how] : [])]);
  return `${table.toString()}\n${summary}`;
}

function told(result: CheckReport['result']): string {
  if (result.outcome === 'fail') return `expected ${result.expected}; found ${result.found}`;
  return result.outcome === 'pass' ? result.found : `skipped: ${result.why}`;
}
