import { KubernetesUnreachable } from './clients/kubernetes.js';
import { LinstorError } from './clients/linstor.js';
import { ProxmoxError } from './clients/proxmox.js';
import { TalosError } from './clients/talos.js';
import { awaitHealthy } from './checks/runner.js';
import { undoEvacuation, rejoinLinstor } from './actions/linstorSettle.js';
import { cordonedByUs } from './checks/cordonMark.js';
import { readNode, uncordon } from './actions/cordon.js';
import { drainNode } from './actions/drain.js';
import { hasLeftEtcd, leaveEtcd, rejoinEtcd } from './actions/etcd.js';
import { declaredByUs, withdraw } from './actions/outOfService.js';
import { evacuateNode } from './actions/evacuate.js';
import { joinReady } from './actions/gateJoin.js';
import { lookBeforeDelete } from './actions/gateLeave.js';
import { probeInTurn } from './actions/networkProbes.js';
import { preflight } from './actions/preflight.js';
import { forgetRemembered, type Remembered } from './actions/forgetOrphan.js';
import { forgetNode } from './actions/removeNode.js';
import { ORPHAN_STEP } from './actions/turnDecision.js';
import { heldTurn, matesOut, readTurn, releaseTurn, takeTurn, type Turn } from './actions/turn.js';
import { openNodes, type OpenNode } from './actions/turnRecord.js';
import { isLeftToRun } from './batch.js';
import { StepError, type Bracket, type BracketInputs, type StepContext } from './contract.js';
import { Fenced, messageOf, Stop } from './runtime/errors.js';
import { openStep, OWN_RUN, waitFor, type Step, type StepDeps, type StepInputs } from './step.js';

/** What a join found; plain JSON, stored with the resource. */
export type JoinResult = Record<string, string>;

interface BracketSteps {
  leave: (step: Step, turn: Turn) => Promise<void>;
  /** `owed`: the node left through us, and what was taken down has to be put back. */
  join: (step: Step, owed: boolean) => Promise<JoinResult>;
  /** Puts back what this step's own leave did before it failed; says what was put back. */
  undo: (step: Step, turn: Turn) => Promise<string>;
}

/** design.md's table. Leaving runs from the top down, joining from the bottom up. */
const STEPS: Record<Bracket, BracketSteps> = {
  turn: {
    leave: preflight,
    join: healthyThenRelease,
    undo: async (step, { opened }) => {
      if (!opened) return 'the lease stays open for this node, which had begun to leave before';
      await releaseTurn(step);
      return 'the lease was given back, nothing was changed';
    },
  },
  drain: { leave: drainNode, join: uncordonOurs, undo: putBackInService },
  evacuation: { leave: evacuateNode, join: rejoinLinstor, undo: undoEvacuation },
  etcd: {
    leave: leaveEtcd,
    join: rejoinEtcd,
    undo: () => Promise.resolve('the etcd members as they are: one that left joins again with its node'),
  },
  gate: { leave: lookBeforeDelete, join: joinReady, undo: nothingToUndo },
};

const AFTER_LEAVE =
  'npx prox-ops roll once that is mended, or npx prox-ops abort, which brings the node back as it was';
const AFTER_JOIN = 'npx prox-ops roll once that is mended, or npx prox-ops rollback to the previous release';

/** How a node leaves, one step of it. Safe to repeat. @throws StepError; then the VM must not be touched. */
export async function leave(
  bracket: Bracket,
  inputs: BracketInputs,
  ctx?: Partial<StepContext>,
  deps?: Partial<StepDeps>,
): Promise<void> {
  if (tornDown(bracket, inputs, ctx, deps)) return;
  const { leave: act, undo } = STEPS[bracket];
  await explained(bracket, inputs, ctx, deps, AFTER_LEAVE, async (step) => {
    const turn = await takeTurn(step);
    return { result: act(step, turn), undo: () => undo(step, turn) };
  });
}

/** How a node joins, one step of it. A node that never left has nothing to be restored. @throws StepError. */
export async function join(
  bracket: Bracket,
  inputs: BracketInputs,
  ctx?: Partial<StepContext>,
  deps?: Partial<StepDeps>,
): Promise<JoinResult> {
  const { join: act } = STEPS[bracket];
  return explained(bracket, inputs, ctx, deps, AFTER_JOIN, async (step) => {
    const owed = await isOwed(step);
    if (owed) await takeTurn(step);
    if (owed && isLeftToRun(step, bracket)) return { result: leftToRun(step), undo: nothingToUndo };
    const left = owed ? 'the lease stays open for this node, so that no other one goes' : 'nothing was changed';
    return { result: act(step, owed), undo: () => Promise.resolve(left) };
  });
}

/** One more step of a node that is out of the cluster, in its turn. @throws StepError. */
export async function inTurn<T>(
  name: string,
  inputs: StepInputs,
  next: string,
  act: (step: Step) => Promise<T>,
  ctx?: Partial<StepContext>,
  deps?: Partial<StepDeps>,
): Promise<T> {
  return explained(name, inputs, ctx, deps, next, async (step) => {
    await takeTurn(step);
    return { result: act(step), undo: () => Promise.resolve('the lease stays open for this node') };
  });
}

/** After a node left the program for good and its VM is gone. Safe to repeat. @throws StepError. */
export async function removeNode(
  inputs: StepInputs,
  ctx?: Partial<StepContext>,
  deps?: Partial<StepDeps>,
): Promise<void> {
  if (tornDown('remove', inputs, ctx, deps)) return;
  const next = 'the same command again, once that is mended';
  await explained('remove', inputs, ctx, deps, next, (step) =>
    Promise.resolve({
      result: forgetNode(step),
      undo: () => Promise.resolve('what was removed already stays removed'),
    }),
  );
}

/**
 * Forgets what the cluster still knows of a machine that is no more and that no stack file names, in a turn of its own.
 * The caller has proved that no host has the machine. Safe to repeat. @throws StepError.
 */
export async function forgetOrphan(
  inputs: StepInputs,
  remembered: Remembered,
  ctx?: Partial<StepContext>,
  deps?: Partial<StepDeps>,
): Promise<void> {
  const next = 'npx prox-ops orphans, which looks again';
  await explained(ORPHAN_STEP, inputs, ctx, { ...OWN_RUN, ...deps }, next, async (step) => {
    const { opened } = await takeTurn(step);
    const forgotten = async (): Promise<void> => {
      await forgetRemembered(step, remembered);
      await releaseTurn(step);
    };
    const undo = async (): Promise<string> => {
      if (opened) await releaseTurn(step);
      return opened ? 'the lease was given back' : 'the lease stays open for it, as it was before';
    };
    return { result: forgotten(), undo };
  });
}

/** Gives back the lease of such a turn that was killed after it had forgotten everything. @throws StepError. */
export async function endOrphanTurn(
  inputs: StepInputs,
  ctx?: Partial<StepContext>,
  deps?: Partial<StepDeps>,
): Promise<void> {
  await inTurn(ORPHAN_STEP, inputs, 'the same command again', releaseTurn, ctx, { ...OWN_RUN, ...deps });
}

/**
 * Runs an action; what goes wrong becomes a StepError that says what was expected, what was found, what was put back and
 * how to go on. Secrets are blotted out of it.
 */
async function explained<T>(
  name: string,
  inputs: StepInputs,
  ctx: Partial<StepContext> | undefined,
  deps: Partial<StepDeps> | undefined,
  next: string,
  begin: (step: Step) => Promise<{ result: Promise<T>; undo: () => Promise<string> }>,
): Promise<T> {
  const step = await openStep(name, inputs, ctx, deps);
  let undo = nothingToUndo;
  try {
    const begun = await begin(step);
    undo = begun.undo;
    return await begun.result;
  } catch (error) {
    throw stepError(step, error, await putBack(error, undo), next);
  }
}

async function putBack(error: unknown, undo: () => Promise<string>): Promise<string> {
  // Whoever holds the lease now decides; an undo from here would be one more write from a run that is over.
  if (error instanceof Fenced) return 'everything as the run that is over left it';
  try {
    return await undo();
  } catch (trouble) {
    return `not put back: ${messageOf(trouble)}`;
  }
}

function stepError(step: Step, error: unknown, left: string, usual: string): StepError {
  const stop = error instanceof Stop ? error : undefined;
  const details = {
    expected: stop?.expected ?? expectedOf(error),
    found: stop?.found ?? messageOf(error),
    left,
    next: stop?.next ?? usual,
  };
  const clean = Object.entries(details).map(([key, text]) => [key, step.redact(text)]);
  return new StepError(step.node.name, step.name, Object.fromEntries(clean) as typeof details);
}

function expectedOf(error: unknown): string {
  if (error instanceof KubernetesUnreachable) return 'an answer from the Kubernetes API';
  if (error instanceof ProxmoxError) return 'an answer from Proxmox';
  if (error instanceof TalosError) return 'an answer from the machine API';
  if (error instanceof LinstorError) return 'LINSTOR to do as asked';
  return 'the step to run to its end';
}

/** Tearing a whole cluster down skips the leave steps, but only for the cluster that the caller named. */
function tornDown(name: string, inputs: StepInputs, ctx?: Partial<StepContext>, deps?: Partial<StepDeps>): boolean {
  const env = deps?.env ?? process.env;
  if (env['PROX_OPS_TEARDOWN'] !== inputs.access.clusterName) return false;
  const report = ctx?.report ?? ((line: string) => void process.stdout.write(`${line}\n`));
  report(`[${inputs.node.name}] ${name}: skipped, cluster ${inputs.access.clusterName} is being torn down`);
  return true;
}

/**
 * Whether this node left through us. A first build joins before the Kubernetes API answers for the first time, so it is
 * waited for: an API that is silent never passes for 'never left'.
 */
async function isOwed(step: Step): Promise<boolean> {
  return waitFor<boolean>(step, {
    timeout: step.settings.nodeReadyTimeout,
    look: async () => {
      try {
        return { done: (await ownOpen(step)) !== undefined };
      } catch (error) {
        if (error instanceof KubernetesUnreachable) return { waiting: 'the Kubernetes API to answer' };
        throw error;
      }
    },
  });
}

/** What the lease says of the step's node, when it is out. */
async function ownOpen(step: Step): Promise<OpenNode | undefined> {
  return openNodes((await readTurn(step)) ?? {}).find(({ node }) => node === step.node.name);
}

async function healthyThenRelease(step: Step, owed: boolean): Promise<JoinResult> {
  if (!owed) {
    step.report('had not left: nothing to give back');
    return { checks: 'not due' };
  }
  await putBackHalfLeft(step);
  const { session, settings, ctx } = step;
  const { access } = step.inputs;
  const probe = probeInTurn(step);
  const context = { session, settings, access, clock: ctx.clock, probe, excused: await matesOut(step) };
  const baseline = (await ownOpen(step))?.before;
  const health = await awaitHealthy(context, { signal: ctx.signal, report: step.report, baseline });
  if (!health.ok)
    throw new Stop(`all health checks to pass within ${settings.healthTimeout} s (healthTimeout)`, health.summary);
  step.report(health.summary);
  await releaseTurn(step);
  return { checks: `${health.passed}/${health.total}` };
}

/**
 * A leave step that was killed half way has put nothing back, and to the engine its resource never went: nothing makes it
 * join. What is found of it is put back at the end of the turn, in the order of the joins.
 */
async function putBackHalfLeft(step: Step): Promise<void> {
  const { open } = await heldTurn(step);
  if (open.evacuated) await rejoinLinstor(step, true);
  if (await hasLeftEtcd(step)) {
    // Its machine boots: the drain's own join was made before, and pods may have come.
    await drainNode(step);
    await rejoinEtcd(step, true);
  }
  await uncordonOurs(step, true);
}

/** The run that takes a batch out together brings its nodes back one after the other, once the engine is done. */
function leftToRun(step: Step): Promise<JoinResult> {
  step.report('left to the run, which does this one node after the other');
  return Promise.resolve({ run: 'left to the run' });
}

/** Our own mark on the node is proof enough that it left through us, even if somebody has deleted the lease since. */
async function uncordonOurs(step: Step, owed: boolean): Promise<JoinResult> {
  const node = await readNode(step);
  if (!node || !(cordonedByUs(node) || declaredByUs(node))) return { node: 'not cordoned by prox-ops' };
  if (!owed) await takeTurn(step);
  await withdraw(step, node);
  const done = await uncordon(step);
  step.report(done);
  return { node: done };
}

async function putBackInService(step: Step): Promise<string> {
  const node = await readNode(step);
  if (node) await withdraw(step, node);
  return uncordon(step);
}

function nothingToUndo(): Promise<string> {
  return Promise.resolve('nothing was changed');
}
