import { awaitHealthy, connect, realClock, stepSettings, TalosCli } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster, type ClusterPlan } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { clusterAccess } from '../access';
import { ManyNodes } from '../destroy/progress';
import { CommandError, ExitCode } from '../exit';
import { update } from '../engine';
import { runEnvironment } from '../rollUpdate';
import { reconcile } from '../reconcile';
import type { RunNode } from '../runLog';
import type { Session } from '../session';
import { readState, type StackState } from '../state';
import type { HeldSecrets } from '../talosSecrets/held';
import { proofs, type OldAccess } from './identity';

const BOOTSTRAP_TYPE = 'talos:machine/bootstrap:Bootstrap';
const TURN_TYPE = 'pulumi-nodejs:dynamic/prox-ops:RolloutTurn';

export interface Rebuild {
  stack: Stack;
  config: StackConfig;
  held: HeldSecrets;
  policyPacks: string[];
}

/** Nodes that are not whole by the state; none: there is nothing to rebuild. */
export function missingNodes(state: StackState, plan: ClusterPlan): RunNode[] {
  const whole = (node: string) => state.ofNode(node).some(({ type, urn }) => type === TURN_TYPE && state.isThere(urn));
  return plan.nodes
    .filter(({ name }) => !whole(name) || !state.hasVm(name))
    .map(({ name, role, release }) => ({ name, role, to: release.talos }));
}

/** The credentials that the last build handed out: a tear-down leaves them in the stack's outputs. */
export async function oldAccess(stack: Stack): Promise<OldAccess> {
  const outputs = await stack.outputs();
  const text = (name: string) => {
    const value = outputs[name]?.value as unknown;
    return typeof value === 'string' ? value : undefined;
  };
  const [kubeconfig, talosconfig] = [text('kubeconfig'), text('talosconfig')];
  return { ...(kubeconfig !== undefined && { kubeconfig }), ...(talosconfig !== undefined && { talosconfig }) };
}

/**
 * etcd is bootstrapped once in a cluster's life. A member that answers although the state knows of no bootstrap is what an
 * unfinished tear-down left, and a second cluster beside it would have the same name, authorities and addresses.
 * @throws CommandError naming it. A machine that does not answer has no member.
 */
export async function refuseOldMembers(state: StackState, plan: ClusterPlan, old: OldAccess): Promise<void> {
  if (old.talosconfig === undefined || state.resources().some(({ type }) => type === BOOTSTRAP_TYPE)) return;
  const talos = new TalosCli(old.talosconfig);
  const answers = await Promise.all(
    plan.controlPlanes.map(async ({ name, address }) => {
      const members = await talos.etcdMembers(address).catch(() => []);
      return members.length > 0 ? [name] : [];
    }),
  );
  const running = answers.flat();
  if (running.length === 0) return;
  throw new CommandError(
    `Expected no etcd member of this cluster, found one on ${running.join(', ')}: an earlier tear-down was not ` +
      'finished. Nothing was changed. First: prox-ops destroy',
    ExitCode.blocked,
  );
}

/** Builds what is missing, with the secrets that are there. Goes on where an interrupted run stopped. */
export async function rebuild({ stack, config, held, policyPacks }: Rebuild, session: Session): Promise<ExitCode> {
  const { log, runId, holder, signal } = session;
  const plan = planCluster(config);
  const say = (what: string) => {
    log.emit({ type: 'run.reconciled', what });
  };
  await reconcile({ stack, log, signal });
  const state = await readState(stack, ExitCode.blocked);
  const old = await oldAccess(stack);
  await refuseOldMembers(state, plan, old);
  const nodes = missingNodes(state, plan);
  log.emit({ type: 'run.started', runId, command: 'rebuild', stack: stack.name, holder, nodes });
  const progress = new ManyNodes(log, nodes, 'health');
  await update(
    stack,
    {
      environment: runEnvironment(session),
      onEvent: (event) => {
        progress.add(event);
      },
      signal,
      message: 'prox-ops rebuild',
      policyPacks,
    },
    say,
  );
  const sameAgain = await proveIdentity(stack, config, held, old, session);
  const healthy = await healthAgain(stack, config, session);
  return sameAgain && healthy ? ExitCode.ok : ExitCode.open;
}

async function proveIdentity(
  stack: Stack,
  config: StackConfig,
  held: HeldSecrets,
  old: OldAccess,
  { log }: Session,
): Promise<boolean> {
  const { endpoint, first } = planCluster(config);
  const { kubeconfig, talosconfig } = await clusterAccess(stack, config);
  const found = await proofs(held.bundle, endpoint, { kubeconfig, talosconfig }, old, first.address);
  for (const { what, ok, found: text } of found)
    log.emit({ type: ok ? 'progress' : 'notice', subject: 'identity', message: `${what}: ${text}` });
  return found.every(({ ok }) => ok);
}

/** What Flux and the operators bring back takes its time: the same checks as after a node's turn, until they pass. */
async function healthAgain(stack: Stack, config: StackConfig, { log, signal }: Session): Promise<boolean> {
  const access = await clusterAccess(stack, config);
  const session = await connect(access, realClock);
  const report = (message: string) => {
    log.emit({ type: 'progress', message });
  };
  const health = await awaitHealthy(
    { session, access, settings: stepSettings(config), clock: realClock },
    { signal, report },
  );
  log.emit({ type: health.ok ? 'progress' : 'notice', subject: 'health', message: health.summary });
  return health.ok;
}
