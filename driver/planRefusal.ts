import { outlookOf, type Outlook, type Surroundings } from './planOutlook';
import type { RollPlan } from './plan';
import type { TurnOptions } from './rollUpdate';
import { findingLines } from './planView';

/**
 * Tells what the plan will meet, before anything is touched.
 * @returns why the roll must not begin, absent when nothing stands in its way, and how long each turn may take. A lock is
 * left to the roll itself, which waits for it or names its holder.
 */
export async function lookAhead(
  { log, stack }: TurnOptions,
  plan: Pick<RollPlan, 'nodes' | 'prepare'>,
  around: Surroundings,
): Promise<{ blocked?: string; expected: Outlook['expected'] }> {
  const { blockers, warnings, replicas, expected } = await outlookOf(stack, plan, around);
  log.emit({ type: 'preflight', blockers, warnings, replicas });
  const hard = blockers.filter(({ topic }) => topic !== 'lock');
  if (hard.length === 0) return { expected };
  const lines = hard.flatMap(findingLines).join('\n');
  const blocked = `${hard.length} blocker(s), nothing was touched:\n${lines}\nSee all of it with: prox-ops plan`;
  return { blocked, expected };
}
