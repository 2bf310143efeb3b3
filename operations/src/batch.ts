import type { Bracket } from './contract.js';
import type { Step } from './step.js';

/**
 * Workers that one run takes out at the same time, by the operator's explicit choice. Whoever acts for the run is told of
 * it by these variables; without them there is one node at a time, as ever.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** Set by a run for the engines that it starts: names of the batch's workers, separated by commas. */
export const BATCH_NODES = 'PROX_OPS_BATCH';

/**
 * Set to 1 for an update that replaces several of them: what touches pods, storage and the lease again after a machine is
 * back is left to the run, which does it one node after the other.
 */
export const TOGETHER = 'PROX_OPS_TOGETHER';

export function batchIn(env: Environment): string[] {
  return (env[BATCH_NODES] ?? '').split(',').filter((name) => name !== '');
}

/** The batch that the step's node is of; empty: it goes alone. A control plane always does. */
export function batchOf({ node, ctx, deps }: Step): readonly string[] {
  const batch = ctx.batch ?? batchIn(deps.env);
  return node.role === 'worker' && batch.length > 1 && batch.includes(node.name) ? batch : [];
}

/**
 * Whether the step may open a node beside others: the run's own process may, which does it one after the other. An engine
 * does it to several at once, so it only goes on with what the run has taken out.
 */
export function opensBatch({ ctx }: Step): boolean {
  return ctx.batch !== undefined;
}

const LEFT_TO_RUN: readonly Bracket[] = ['evacuation', 'drain', 'turn'];

/** Whether the run itself does this step of a join, after the engine is done with the whole batch. */
export function isLeftToRun(step: Step, bracket: Bracket): boolean {
  return step.deps.env[TOGETHER] === '1' && batchOf(step).length > 0 && LEFT_TO_RUN.includes(bracket);
}
