import type { Stack } from '@pulumi/pulumi/automation';
import { ONLY_NODES } from '../config/narrowing';
import { abortNode } from './abort';
import { update, UpdateError } from './engine';
import { ExitCode } from './exit';
import { TurnTracker } from './nodeTurn';
import { beforeTheIrreversible } from './phases';
import { planRoll, type PlannedNode, type RollPlan } from './plan';
import { reconcile } from './reconcile';
import type { Outcome, RunLog } from './runLog';
import { readState } from './state';

export interface RollOptions {
  stack: Stack;
  log: RunLog;
  runId: string;
  holder: string;
  /** Node names; every node that needs a turn when absent. */
  nodes?: string[];
  /** At most so many turns in this run. */
  maxNodes?: number;
  signal: AbortSignal;
  policyPacks?: string[];
  /** Asked once the plan is known; false stops before anything is changed. */
  confirm: (plan: RollPlan) => Promise<boolean>;
}

/** Replaces every node that needs it, one by one. Resolves with the exit code; failures are told through the log. */
export async function roll(options: RollOptions): Promise<ExitCode> {
  const started = Date.now();
  const finish = (outcome: 'done' | 'nothing to do' | 'stopped', exitCode: ExitCode, message?: string): ExitCode => {
    const ms = Date.now() - started;
    options.log.emit({ type: 'run.finished', outcome, ms, exitCode, ...(message !== undefined && { message }) });
    return exitCode;
  };
  await reconcile(options);
  const plan = await planRoll(options.stack, runEnvironment(options));
  const nodes = chosen(plan, options);
  if (nodes.length === 0 && plan.prepare.length === 0 && plan.inPlace.length === 0)
    return finish('nothing to do', ExitCode.ok);
  if (!(await options.confirm({ ...plan, nodes }))) return finish('stopped', ExitCode.interrupted, 'not confirmed');
  announce(options, nodes);
  await prepare(options, plan);
  nodes.sort(await openNodesFirst(options, nodes));
  for (const [index, node] of nodes.entries()) {
    if (options.signal.aborted)
      return finish('stopped', ExitCode.interrupted, `stopped before ${node.name}; go on with: prox-ops roll`);
    const outcome = await takeTurn(options, node, index, nodes.length);
    if (outcome === 'refused') return finish('stopped', ExitCode.blocked);
    if (outcome === 'put back') return finish('stopped', ExitCode.putBack);
    if (outcome === 'open') return finish('stopped', ExitCode.open);
  }
  await settle(options, plan, nodes);
  return finish('done', ExitCode.ok);
}

function chosen(plan: RollPlan, options: RollOptions): PlannedNode[] {
  const wanted = options.nodes;
  const nodes = wanted ? plan.nodes.filter((node) => wanted.includes(node.name)) : plan.nodes;
  return nodes.slice(0, options.maxNodes ?? nodes.length);
}

/** What the lifecycle steps of every update of this run find in their environment: one run id for the whole run. */
export function runEnvironment({ runId }: { runId: string }): Record<string, string> {
  return { PROX_OPS_RUN_ID: runId };
}

function announce({ log, runId, holder, stack }: RollOptions, nodes: PlannedNode[]): void {
  log.emit({
    type: 'run.started',
    runId,
    command: 'roll',
    stack: stack.name,
    holder,
    nodes: nodes.map(({ name, role, from, to }) => ({ name, role, from, to })),
  });
}

/**
 * An interrupted run may have left a node open that is not the first in order, and its turn has to end before another
 * one's: its VM still stands, then it is put back and waits for its place; its VM is gone, then it is finished first.
 */
async function openNodesFirst(
  options: RollOptions,
  nodes: PlannedNode[],
): Promise<(left: PlannedNode, right: PlannedNode) => number> {
  const state = await readState(options.stack);
  const open = state.openNodes().filter((name) => name !== nodes[0]?.name);
  const gone = open.filter((name) => !state.hasVm(name));
  for (const name of open.filter((candidate) => !gone.includes(candidate))) {
    options.log.emit({ type: 'run.reconciled', what: `${name} had begun to leave out of its order: putting it back` });
    await abortNode(options, name);
  }
  const first = ({ name }: PlannedNode) => (gone.includes(name) ? 0 : 1);
  return (left, right) => first(left) - first(right);
}

/** Templates and images of the new release on every host, before the first cordon. */
async function prepare(options: RollOptions, plan: RollPlan): Promise<void> {
  if (plan.prepare.length === 0) return;
  const started = Date.now();
  options.log.emit({ type: 'prepare.started', resources: plan.prepare.length });
  await apply(options, { targets: plan.prepare.map((change) => change.urn), message: 'prox-ops roll: prepare' });
  options.log.emit({ type: 'prepare.finished', ms: Date.now() - started });
}

async function takeTurn(options: RollOptions, node: PlannedNode, index: number, of: number): Promise<Outcome> {
  const { log } = options;
  const started = Date.now();
  const tracker = new TurnTracker(node.name, log);
  log.emit({ type: 'node.started', node: node.name, index, of, from: node.from, to: node.to });
  const finish = (outcome: Outcome, message?: string): Outcome => {
    const ms = Date.now() - started;
    log.emit({ type: 'node.finished', node: node.name, outcome, ms, ...(message !== undefined && { message }) });
    return outcome;
  };
  try {
    const onEvent: TurnTracker['add'] = (event) => {
      tracker.add(event);
    };
    const environment = { [ONLY_NODES]: node.name };
    await apply(options, { targets: node.urns, environment, onEvent, message: `prox-ops roll: ${node.name}` });
    return finish(node.action === 'finish' ? 'finished' : 'replaced');
  } catch (error) {
    if (!(error instanceof UpdateError)) throw error;
    return finish(await afterFailure(options, node, tracker), error.message);
  }
}

/** The VM still stands: what was taken down is put back. It is gone or half joined: nothing is touched any more. */
async function afterFailure(options: RollOptions, node: PlannedNode, tracker: TurnTracker): Promise<Outcome> {
  if (tracker.untouched) return 'refused';
  const untouched = tracker.failed !== undefined && beforeTheIrreversible(tracker.failed);
  if (!untouched || tracker.done.includes('delete VM')) return 'open';
  options.log.emit({ type: 'progress', node: node.name, message: `abort: putting back what was taken down` });
  try {
    await abortNode(options, node.name);
    return 'put back';
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    options.log.emit({ type: 'progress', node: node.name, message: `abort failed: ${message}` });
    return 'open';
  }
}

/** What needs no turn, and templates nobody uses any more: one ordinary update, only when no replacement is left. */
async function settle(options: RollOptions, plan: RollPlan, nodes: PlannedNode[]): Promise<void> {
  if (nodes.length < plan.nodes.length || plan.inPlace.length === 0) return;
  await apply(options, { message: 'prox-ops roll: settle' });
}

type Apply = {
  targets?: string[];
  environment?: Record<string, string>;
  onEvent?: TurnTracker['add'];
  message: string;
};

async function apply(options: RollOptions, what: Apply): Promise<void> {
  const { stack, signal, policyPacks } = options;
  await update(
    stack,
    {
      ...what,
      signal,
      environment: { ...runEnvironment(options), ...what.environment },
      ...(policyPacks && { policyPacks }),
    },
    (found) => {
      options.log.emit({ type: 'run.reconciled', what: found });
    },
  );
}
