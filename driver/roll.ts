import { NO_NODE, ONLY_NODES } from '../config/narrowing';
import { SETTINGS } from '../config/overrides';
import { planCluster } from '../config/plan';
import { comingBatch } from './batches';
import { Bystanders, leavesIt, letGo, ownNodeLast } from './bystanders';
import { UpdateError } from './engine';
import { CommandError, ExitCode } from './exit';
import type { Expectation } from './history';
import { bringBatchIn, leftBatchIn, type LeftBatch } from './leftTogether';
import { openNodesFirst } from './openNodes';
import { lookAround } from './planOutlook';
import { descriptionDigest } from './judged';
import { lookAhead } from './planRefusal';
import { planRoll, type PlannedNode, type RollPlan } from './plan';
import { reconcile } from './reconcile';
import { rollBackAfter } from './rollback';
import { applyUpdate, runEnvironment, type RollOptions } from './rollUpdate';
import type { Outcome, RunEvent } from './runLog';
import { changeKubernetesOf } from './kubernetesTurn';
import { forgetAdopted, stackConfig, stackFileOf } from './stackFile';
import { withStrategy } from './strategy';
import { Together } from './together';
import { NodeTurn } from './turn';
import { upgradeNode } from './upgrade';

/** How a node's turn that did not end well ends the run. */
const STOPS: Partial<Record<Outcome, ExitCode>> = {
  refused: ExitCode.blocked,
  held: ExitCode.held,
  'put back': ExitCode.putBack,
  'rolled back': ExitCode.putBack,
  open: ExitCode.open,
};

/**
 * Replaces every node that needs it, one by one, or several workers at a time where that was asked for and can be.
 * Resolves with the exit code; failures are told through the log.
 */
export async function roll(options: RollOptions): Promise<ExitCode> {
  const started = Date.now();
  const { exitCode, outcome, message } = await run(options);
  const ms = Date.now() - started;
  options.log.emit({ type: 'run.finished', outcome, ms, exitCode, ...(message !== undefined && { message }) });
  return exitCode;
}

interface Ending {
  exitCode: ExitCode;
  outcome: Extract<RunEvent, { type: 'run.finished' }>['outcome'];
  message?: string;
}

async function run(options: RollOptions): Promise<Ending> {
  await refuseUnknownNodes(options);
  await reconcile(options);
  const judged = descriptionDigest(options.stack);
  const [plan, around] = await Promise.all([
    planRoll(options.stack, runEnvironment(options), options.policyPacks),
    lookAround(options.stack),
  ]);
  const nodes = ownNodeLast(withStrategy(chosen(plan, options), around.config, options), options.ownNode);
  const left = leftBatchIn(around);
  if (!left && nodes.length === 0 && plan.prepare.length === 0 && plan.inPlace.length === 0) {
    await letGo(options, around.config, 'nothing to do');
    return { outcome: 'nothing to do', exitCode: ExitCode.ok };
  }
  const { blocked, expected } = await lookAhead(options, { nodes, prepare: plan.prepare }, around);
  if (blocked !== undefined) return stopped(ExitCode.blocked, blocked);
  if (!(await options.confirm({ ...plan, nodes }))) return stopped(ExitCode.interrupted, 'not confirmed');
  announce(options, nodes, expected);
  const bystanders = await Bystanders.open(options, around.config);
  await bystanders.prepare(around.config, nodes.length);
  let ending = stopped(ExitCode.error, 'stopped by something unforeseen');
  try {
    ending = await change({ ...options, judged }, plan, { nodes, left }, bystanders);
    return ending;
  } finally {
    await bystanders.leave(ending.exitCode, ending.message ?? ending.outcome);
  }
}

interface Work {
  nodes: PlannedNode[];
  /** What a run that took several workers at a time has left out. */
  left: LeftBatch | undefined;
}

async function change(
  options: RollOptions,
  plan: RollPlan,
  { nodes, left }: Work,
  bystanders: Bystanders,
): Promise<Ending> {
  try {
    await prepare(options, plan);
  } catch (error) {
    if (!(error instanceof UpdateError)) throw error;
    return stopped(
      ExitCode.blocked,
      `templates and images: ${error.message}\nNo node was touched. Go on with: prox-ops roll`,
    );
  }
  const out = left && (await bringBatchIn(options, left, plan));
  if (out) return stopped(out.exitCode, out.message);
  return takeTurns(options, plan, nodes, bystanders);
}

function stopped(exitCode: ExitCode, message?: string): Ending {
  return { outcome: 'stopped', exitCode, ...(message !== undefined && { message }) };
}

async function takeTurns(
  options: RollOptions,
  plan: RollPlan,
  planned: PlannedNode[],
  bystanders: Bystanders,
): Promise<Ending> {
  const nodes = await openNodesFirst(options, planned);
  for (let left = nodes; left.length > 0;) {
    const [first] = left as [PlannedNode];
    if (options.signal.aborted)
      return stopped(ExitCode.interrupted, `stopped before ${first.name}; go on with: prox-ops roll`);
    if (first.name === options.ownNode && leavesIt(first)) return handedOver(first.name, bystanders);
    const { nodes: batch, alone } = await comingBatch(options, left);
    if (alone !== undefined) options.log.emit({ type: 'progress', node: first.name, message: `goes alone: ${alone}` });
    const names = batch.map(({ name }) => name).join(', ');
    const index = nodes.length - left.length;
    await bystanders.turn(names, index, nodes.length);
    const stop = STOPS[await takeBatch(options, batch, index, nodes.length)];
    if (stop !== undefined && options.signal.aborted && stop !== ExitCode.open)
      return stopped(ExitCode.interrupted, `stopped at ${names}, which is as it was; go on with: prox-ops roll`);
    if (stop !== undefined) return stopped(stop);
    left = left.filter((node) => !batch.includes(node));
  }
  await settle(options, plan, nodes);
  return { outcome: 'done', exitCode: ExitCode.ok };
}

/** Between two nodes: nothing is out, and whoever goes on finds in the plan what is left. */
async function handedOver(name: string, bystanders: Bystanders): Promise<Ending> {
  if (await bystanders.handOver(name))
    return stopped(
      ExitCode.handedOver,
      `stopped before ${name}, on which this run itself runs. Go on from another node with: prox-ops roll`,
    );
  return stopped(
    ExitCode.blocked,
    `${name}: expected this run on another node, found it where an earlier one handed over. Give its pod the affinity ` +
      `of docs/automation.md, or start it elsewhere: prox-ops roll`,
  );
}

async function takeBatch(options: RollOptions, batch: PlannedNode[], index: number, of: number): Promise<Outcome> {
  const [first, ...others] = batch as [PlannedNode];
  if (others.length === 0) return takeTurn(options, first, index, of);
  return new Together(options, batch).take(index, of);
}

async function takeTurn(options: RollOptions, node: PlannedNode, index: number, of: number): Promise<Outcome> {
  if (node.action === 'upgrade') {
    const outcome = await upgradeNode(options, node, index, of);
    if (outcome === 'upgraded') await forgetAdopted(stackFileOf(options.stack), node.name);
    return outcome;
  }
  if (node.action === 'kubernetes') return changeKubernetesOf(options, node, index, of);
  const turn = new NodeTurn(options, node);
  const outcome = await turn.take(index, of);
  if (turn.vmIsGone) await forgetAdopted(stackFileOf(options.stack), node.name);
  if (outcome !== 'open' || !turn.failure) return outcome;
  return rollBackAfter(options, node, turn.failure.phase, turn.failure.message);
}

/** A misspelt name must not pass for a node that needs nothing. */
async function refuseUnknownNodes({ stack, nodes = [] }: RollOptions): Promise<void> {
  const known = planCluster(await stackConfig(stack)).nodes.map((node) => node.name);
  const unknown = nodes.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new CommandError(`--nodes: expected nodes of the stack (${known.join(', ')}), found ${unknown.join(', ')}.`);
}

function chosen(plan: RollPlan, options: RollOptions): PlannedNode[] {
  const { nodes: wanted, role } = options;
  const nodes = plan.nodes.filter(
    (node) => (wanted?.includes(node.name) ?? true) && (role === undefined || node.role === role),
  );
  return nodes.slice(0, options.maxNodes ?? nodes.length);
}

function announce(
  { log, runId, holder, stack, parallel, command = 'roll' }: RollOptions,
  nodes: PlannedNode[],
  expected: Record<string, Expectation>,
): void {
  const planned = nodes.map(({ name, role, from, to }) => {
    const ms = expected[name]?.ms;
    return { name, role, from, to, ...(ms !== undefined && { expectedMs: ms }) };
  });
  // A node may have two turns.
  const once = planned.filter(({ name }, index) => planned.findIndex((other) => other.name === name) === index);
  const asked = parallel !== undefined && parallel > 1 && { parallel };
  log.emit({ type: 'run.started', runId, command, stack: stack.name, holder, nodes: once, ...asked });
}

/** Templates and images of the new release on every host, before the first cordon. */
async function prepare(options: RollOptions, plan: RollPlan): Promise<void> {
  if (plan.prepare.length === 0) return;
  const started = Date.now();
  options.log.emit({ type: 'prepare.started', resources: plan.prepare.length });
  const targets = plan.prepare.map((change) => change.urn);
  const environment = { [ONLY_NODES]: NO_NODE };
  await applyUpdate(options, { targets, environment, message: 'prox-ops roll: prepare', signal: options.signal });
  options.log.emit({ type: 'prepare.finished', ms: Date.now() - started });
}

/**
 * What needs no turn, and templates nobody uses any more: one ordinary update, only when no replacement is left. Settings of
 * this run alone, with which its nodes have joined, end with it.
 */
async function settle(options: RollOptions, plan: RollPlan, nodes: PlannedNode[]): Promise<void> {
  const own = process.env[SETTINGS] ?? '';
  if (new Set(nodes.map(({ name }) => name)).size < plan.nodes.length) return;
  if (plan.inPlace.length === 0 && own === '') return;
  const environment = { [SETTINGS]: '' };
  await applyUpdate(options, { environment, message: 'prox-ops roll: settle', signal: options.signal });
}
