import { outlookOf, type Surroundings } from './planOutlook';
import type { RollPlan } from './plan';
import type { TurnOptions } from './rollUpdate';
import { findingLines } from './planView';

/**
 * Tells what the plan will meet, before anything is touched.
 * @returns why the roll must not begin; undefined when nothing stands in its way. A lock is left to the roll itself,
 * which waits for it or names its holder.
 */
export async function refusal(
  { log, stack }: TurnOptions,
  plan: Pick<RollPlan, 'nodes' | 'prepare'>,
  around: Surroundings,
): Promise<string | undefined> {
  const { blockers, warnings, replicas } = await outlookOf(stack, plan, around);
  log.emit({ type: 'preflight', blockers, warnings, replicas });
  const hard = blockers.filter(({ topic }) => topic !== 'lock');
  if (hard.length === 0) return undefined;
  const lines = hard.flatMap(findingLines).join('\n');
  return `${hard.length} blocker(s), nothing was touched:\n${lines}\nSee all of it with: prox-ops plan`;
}
