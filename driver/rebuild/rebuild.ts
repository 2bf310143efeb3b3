import { KubernetesClient, missingOfSnapshot, realClock, TalosCli } from '@prox-ops/operations';
import type { EngineEvent, Stack } from '@pulumi/pulumi/automation';
import { planCluster, type ClusterPlan } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { clusterAccess, talosAccess } from '../access';
import { ManyNodes } from '../destroy/progress';
import { CommandError, ExitCode } from '../exit';
import { update } from '../engine';
import { runEnvironment } from '../rollUpdate';
import { reconcile } from '../reconcile';
import type { RunNode } from '../runLog';
import { forgetOutputs } from '../runSecrets';
import type { Session } from '../session';
import { stage } from '../stages';
import { CONFIGURATION_TYPE, readState, type StackState } from '../state';
import { fingerprint } from '../talosSecrets/bundle';
import type { HeldSecrets } from '../talosSecrets/held';
import { proofs, type OldAccess, type Proof } from './identity';
import { accessOf, type RebuildRecord, type RecordFile } from './record';
import { noteBootstrap, recoverCluster } from './recovery';
import { describeSnapshot, type ChosenSnapshot } from './snapshot';
import { healthAgain, tellStorage } from './workloads';

const TURN_TYPE = 'pulumi-nodejs:dynamic/prox-ops:RolloutTurn';

export interface Rebuild {
  stack: Stack;
  config: StackConfig;
  held: HeldSecrets;
  policyPacks: string[];
  record: RecordFile;
  /** What etcd begins from; empty when absent. */
  snapshot?: ChosenSnapshot | undefined;
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
  if (old.talosconfig === undefined || state.isBootstrapped()) return;
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
export async function rebuild(order: Rebuild, session: Session): Promise<ExitCode> {
  const { stack, config, record } = order;
  const { log, runId, holder, signal } = session;
  const plan = planCluster(config);
  await reconcile({ stack, log, signal });
  const state = await readState(stack, ExitCode.blocked);
  const nodes = missingNodes(state, plan);
  const kept = await keep(order, state, nodes);
  log.emit({ type: 'run.started', runId, command: 'rebuild', stack: stack.name, holder, nodes });
  if (order.snapshot) log.emit({ type: 'progress', message: `etcd begins from ${describeSnapshot(order.snapshot)}` });
  try {
    await build(order, nodes, session);
    const ok = await proved(order, kept, session);
    // Its credentials were tried, and what is not well is in the run's log.
    record.remove();
    return ok ? ExitCode.ok : ExitCode.open;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CommandError('Stopped. Go on with the same command: prox-ops rebuild', ExitCode.interrupted);
  }
}

/** Before the first change: what the first update would overwrite, and what an interrupted run has to go on with. */
async function keep(order: Rebuild, state: StackState, nodes: RunNode[]): Promise<RebuildRecord> {
  const { stack, config, held, record, snapshot } = order;
  const authority = fingerprint(held.bundle);
  const known = record.read(authority);
  const access = known ? accessOf(known) : await oldAccess(stack);
  // An etcd that a rebuild of ours has begun may be in no state yet: before its first change there was none.
  const goesOn = known?.begun === true;
  if (!goesOn) await refuseOldMembers(state, planCluster(config), access);
  const made = new Set([...(known?.made ?? []), ...nodes.map(({ name }) => name)]);
  const kept: RebuildRecord = {
    ...{ v: 1, authority, begun: true, since: goesOn ? known.since : Date.now(), made: [...made], ...access },
    ...(snapshot && { snapshot: { file: snapshot.file, sha256: snapshot.contents.sha256 } }),
  };
  record.write(kept);
  return kept;
}

async function build(order: Rebuild, nodes: RunNode[], session: Session): Promise<void> {
  const { stack, config, policyPacks, snapshot } = order;
  const { log, signal } = session;
  const say = (what: string) => {
    log.emit({ type: 'run.reconciled', what });
  };
  const progress = new ManyNodes(log, nodes, 'health');
  const onEvent = (event: EngineEvent) => {
    progress.add(event);
  };
  if (snapshot && nodes.length > 0)
    await recoverCluster({ stack, config, policyPacks, snapshot: snapshot.file, onEvent }, session);
  else await noteBegun(order, say);
  const environment = runEnvironment(session);
  const what = { environment, onEvent, signal, message: 'prox-ops rebuild', policyPacks };
  await stage(log, 'cluster', () => update(stack, what, say));
}

/**
 * A run that was killed right after it had bootstrapped etcd left a member that the state knows nothing of: the provider
 * would try to bootstrap it again until it fails. Before that run's first change there was no such member.
 */
async function noteBegun({ stack, config }: Rebuild, say: (what: string) => void): Promise<void> {
  const state = await readState(stack, ExitCode.blocked);
  const { first } = planCluster(config);
  const configured = state
    .ofNode(first.name)
    .some(({ type, urn }) => type === CONFIGURATION_TYPE && state.isThere(urn));
  if (state.isBootstrapped() || !configured) return;
  const members = await new TalosCli(await talosAccess(stack)).etcdMembers(first.address).catch(() => []);
  if (members.length === 0) return;
  say(`etcd on ${first.name} was begun by a killed run: noted in the state`);
  await noteBootstrap(stack, first, say);
}

/** Whether it is the same cluster, with what the snapshot held, healthy, and with its volumes. All of it is looked at. */
async function proved(order: Rebuild, kept: RebuildRecord, session: Session): Promise<boolean> {
  const { stack, config } = order;
  const { log } = session;
  forgetOutputs(stack);
  const access = await clusterAccess(stack, config);
  const same = await stage(log, 'identity', () => proveIdentity(order, access, accessOf(kept), session));
  const healthy = await stage(log, 'workloads', () => healthAgain(access, config, session));
  const stored = await tellStorage(access, { nodes: kept.made, since: kept.since }, session);
  return same && healthy && stored;
}

async function proveIdentity(
  { config, held, snapshot }: Rebuild,
  now: Required<OldAccess>,
  old: OldAccess,
  { log }: Session,
): Promise<boolean> {
  const { endpoint, first } = planCluster(config);
  const found = await proofs(held.bundle, endpoint, now, old, first.address);
  const restored = snapshot ? [await restoredProof(now.kubeconfig, snapshot)] : [];
  for (const { what, ok, found: text } of [...found, ...restored])
    log.emit({ type: ok ? 'progress' : 'notice', subject: 'identity', message: `${what}: ${text}` });
  for (const missing of ['kubeconfig', 'talosconfig'] as const)
    if (old[missing] === undefined)
      log.emit({ type: 'progress', message: `old ${missing}: not at hand, so it was not tried` });
  return [...found, ...restored].every(({ ok }) => ok);
}

/** What was only in etcd is there again, or etcd is another one than the snapshot's. */
async function restoredProof(kubeconfig: string, { contents }: ChosenSnapshot): Promise<Proof> {
  const missing = await missingOfSnapshot(new KubernetesClient(kubeconfig, realClock), contents);
  if (missing.length > 0) return { what: 'snapshot', ok: false, found: `not back: ${missing.join(', ')}` };
  return {
    what: 'snapshot',
    ok: true,
    found: `restored: kube-system has the UID it had, and ${contents.namespaces.length} namespaces are back`,
  };
}
