import pc from 'picocolors';
import type { Judgement, Verdict, Violation } from '../monitor/index.js';
import { EXIT } from '../daemon/errors.js';
import { table } from './table.js';

/** The monitor's judgement for people: a table, then every violation with its moment and evidence. */
export function judgementText(judgement: Judgement): string {
  const rows = judgement.invariants.map((verdict) => [verdict.invariant, outcome(verdict), verdict.says]);
  const violated = judgement.invariants.flatMap(({ invariant, violations }) =>
    violations.map((violation) => violationText(invariant, violation)),
  );
  return [table(['', 'VERDICT', 'INVARIANT'], rows), ...violated].join('\n\n');
}

/** The exit code that a judgement deserves: a watch that was not complete proves nothing. */
export function judgementExitCode({ holds, complete }: Judgement): number {
  if (!holds) return EXIT.failed;
  return complete ? EXIT.done : EXIT.unproven;
}

function outcome({ holds, unwatched, violations }: Verdict): string {
  if (!holds) return pc.red(`violated ${violations.length}x`);
  return unwatched === undefined ? pc.green('holds') : pc.yellow(`not watched: ${unwatched}`);
}

function violationText(invariant: string, { at, seq, what, evidence }: Violation): string {
  const head = `${pc.red(invariant)} ${new Date(at).toISOString()} (event ${seq}): ${what}`;
  return `${head}\n${JSON.stringify(evidence, undefined, 2).replaceAll(/^/gm, '    ')}`;
}
