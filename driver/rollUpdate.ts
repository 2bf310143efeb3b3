import { BATCH_NODES } from '@prox-ops/operations';
import type { EngineEvent, Stack } from '@pulumi/pulumi/automation';
import { update } from './engine';
import type { PlannedNode, RollPlan } from './plan';
import type { RunLog } from './runLog';
import type { StrategyOptions } from './strategy';

/** What one node's turn needs. */
export interface TurnOptions {
  stack: Stack;
  log: RunLog;
  runId: string;
  holder: string;
  /** Aborted by Ctrl-C: the node under way is finished or put back, and no other is begun. */
  signal: AbortSignal;
  policyPacks?: string[];
  /** The description (see `descriptionDigest`) that the run's plan, and so our own policies, were about. */
  judged?: string;
  /** Names of the workers that are taken out at the same time; absent: one node at a time. */
  batch?: readonly string[];
}

export interface RollOptions extends TurnOptions, StrategyOptions {
  /** As it was called; roll when absent. */
  command?: string;
  /** Node names; every node that needs a turn when absent. */
  nodes?: string[];
  /** Nodes of this role; of both when absent. */
  role?: PlannedNode['role'];
  /** The node that we run on ourselves: its turn is another run's. */
  ownNode?: string;
  /** Kustomizations of Flux to suspend, instead of the stack file's. */
  suspendFlux?: string[];
  /** At most so many turns in this run. */
  maxNodes?: number;
  /** At most so many workers out at the same time; one when absent. */
  parallel?: number;
  /** Asked once the plan is known; false stops before anything is changed. */
  confirm: (plan: RollPlan) => Promise<boolean>;
}

/** What the lifecycle steps of every update of this run find in their environment: one run id for the whole run. */
export function runEnvironment({ runId, batch }: Pick<TurnOptions, 'runId' | 'batch'>): Record<string, string> {
  return { PROX_OPS_RUN_ID: runId, ...(batch && { [BATCH_NODES]: batch.join(',') }) };
}

interface RollUpdate {
  targets?: string[];
  environment?: Record<string, string>;
  onEvent?: (event: EngineEvent) => void;
  message: string;
  /** Absent: the update is not interrupted. */
  signal: AbortSignal | undefined;
  /** Instead of the run's. */
  policyPacks?: string[];
}

/** One update of a roll, with the run's id, its policies, and what was reconciled on the way told to the log. */
export async function applyUpdate(options: TurnOptions, what: RollUpdate): Promise<void> {
  const { stack, log } = options;
  const { signal, policyPacks = options.policyPacks, ...rest } = what;
  await update(
    stack,
    {
      ...rest,
      ...(signal && { signal }),
      environment: { ...runEnvironment(options), ...what.environment },
      ...(policyPacks && { policyPacks }),
    },
    (found) => {
      log.emit({ type: 'run.reconciled', what: found });
    },
  );
}
