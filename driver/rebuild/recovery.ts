import {
  KubernetesClient,
  KubernetesError,
  KubernetesUnreachable,
  realClock,
  recoverEtcd,
  settleRestored,
  stepSettings,
  Stop,
  TalosCli,
  TalosError,
  until,
  WaitTimeout,
  type Leftovers,
  type Look,
} from '@prox-ops/operations';
import type { EngineEvent, Stack } from '@pulumi/pulumi/automation';
import { BEFORE_KUBERNETES } from '../../config/overrides';
import { planCluster } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { talosAccess } from '../access';
import { preview, update, withLock } from '../engine';
import { CommandError, ExitCode } from '../exit';
import { runEnvironment } from '../rollUpdate';
import type { Session } from '../session';
import { stage } from '../stages';
import { GATE_TYPE, readState } from '../state';
import { withBootstrap } from './bootstrapEntry';
import { importState } from '../pulumiCli';

export interface RecoveryOrder {
  stack: Stack;
  config: StackConfig;
  policyPacks: string[];
  /** Path of a snapshot that was chosen. */
  snapshot: string;
  onEvent: (event: EngineEvent) => void;
}

const GO_ON = 'Go on with the same command: prox-ops rebuild';

/**
 * Brings a cluster without an etcd to where it has the one of a snapshot: machines, etcd on the first control plane, the
 * bootstrap noted in the state as done, and nothing left of what was under way when the snapshot was taken. An update then
 * finds nothing to bootstrap. Safe to repeat, also when the first part of it was done before.
 * @throws CommandError when etcd does not come up from it; nothing else is bootstrapped then.
 */
export async function recoverCluster(order: RecoveryOrder, session: Session): Promise<void> {
  const { stack } = order;
  const { log } = session;
  const say = (what: string) => {
    log.emit({ type: 'run.reconciled', what });
  };
  if (!(await readState(stack, ExitCode.blocked)).isBootstrapped()) {
    await stage(log, 'machines', () => makeMachines(order, session, say));
    await stage(log, 'etcd from the snapshot', () => beginEtcd(order, session));
    await noteBootstrap(stack, planCluster(order.config).first, say);
  }
  await stage(log, 'what the snapshot brought back', () => settle(order, session));
}

/** Writes a bootstrap that was done without the engine into the state. */
export async function noteBootstrap(
  stack: Stack,
  first: { name: string; address: string },
  say: (what: string) => void,
): Promise<void> {
  await withLock(stack, say, async () => {
    await importState(stack, withBootstrap(await stack.exportStack(), first));
  });
}

/** Everything below Kubernetes. The policies judge the whole of it first: half a cluster would break several of them. */
async function makeMachines(order: RecoveryOrder, session: Session, say: (what: string) => void): Promise<void> {
  const { stack, policyPacks, onEvent } = order;
  const { signal } = session;
  const state = await readState(stack, ExitCode.blocked);
  // What this update leaves out it would delete.
  if (state.resources().some(({ type }) => type === GATE_TYPE))
    throw new CommandError(
      'Expected a state without a cluster before etcd begins from a snapshot, found nodes that joined one. First: prox-ops destroy',
      ExitCode.blocked,
    );
  await preview(stack, { environment: runEnvironment(session), policyPacks, signal });
  const environment = { ...runEnvironment(session), [BEFORE_KUBERNETES]: '1' };
  await update(stack, { environment, onEvent, signal, message: 'prox-ops rebuild: machines' }, say);
}

async function beginEtcd({ stack, config, snapshot }: RecoveryOrder, { log, signal }: Session): Promise<void> {
  const { first } = planCluster(config);
  const talos = new TalosCli(await talosAccess(stack));
  const { etcdTimeout, nodeReadyTimeout } = stepSettings(config);
  const report = (message: string) => {
    log.emit({ type: 'progress', message });
  };
  try {
    const { name, address } = first;
    const timeout = Math.max(etcdTimeout, nodeReadyTimeout);
    await recoverEtcd({ talos, name, address, snapshot, timeout, clock: realClock, signal, report });
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    throw new CommandError(
      `${error.message}. No empty etcd was begun. ${error.next === undefined ? GO_ON : `Way out: ${error.next}`}`,
      ExitCode.open,
    );
  }
}

/** The API server is up a while after its etcd. The kubeconfig is the machine's own: one from the environment may be another cluster's. */
async function settle({ stack, config }: RecoveryOrder, { log, signal }: Session): Promise<void> {
  const { leaseNamespace, nodeReadyTimeout } = stepSettings(config);
  const { nodes, first } = planCluster(config);
  const talos = new TalosCli(await talosAccess(stack));
  const expected = { nodes: nodes.map(({ name }) => name), leaseNamespace };
  const look = async (): Promise<Look<Leftovers>> => {
    try {
      const kubernetes = new KubernetesClient(await talos.kubeconfig(first.address), realClock, 0);
      return { done: await settleRestored(kubernetes, expected) };
    } catch (error) {
      if (isPassing(error)) return { waiting: error.message };
      throw error;
    }
  };
  const onWaiting = (message: string) => {
    log.emit({ type: 'progress', message: `waiting for the Kubernetes API: ${message}` });
  };
  const timeout = nodeReadyTimeout * 1000;
  const { settled, open } = await until({ clock: realClock, signal, timeout, every: 2_000, look, onWaiting }).catch(
    late,
  );
  for (const what of settled) log.emit({ type: 'run.reconciled', what });
  for (const message of open) log.emit({ type: 'notice', subject: 'snapshot', message });
}

function isPassing(error: unknown): error is Error {
  return [KubernetesError, KubernetesUnreachable, TalosError].some((kind) => error instanceof kind);
}

function late(error: unknown): never {
  if (!(error instanceof WaitTimeout)) throw error;
  throw new CommandError(
    `Kubernetes does not come up on the recovered etcd: ${error.message}. ${GO_ON}`,
    ExitCode.open,
  );
}
