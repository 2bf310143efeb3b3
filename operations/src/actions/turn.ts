import { KubernetesError } from '../clients/kubernetes.js';
import type { Lease } from '../clients/kubernetesObjects.js';
import { LEASE_NAME } from '../clients/permissions.js';
import type { Session } from '../clients/session.js';
import { batchOf, opensBatch } from '../batch.js';
import { Fenced, Stop } from '../runtime/errors.js';
import { until } from '../runtime/waiting.js';
import { watching, type Step } from '../step.js';
import { assertOwnCluster } from './ownCluster.js';
import { decideTurn, takenRecord, type Asking } from './turnDecision.js';
import {
  fromLease,
  LEASE_SECONDS,
  openNodes,
  toLease,
  withNode,
  withOpen,
  type OpenNode,
  type TurnRecord,
} from './turnRecord.js';

/** Tries before giving up on a lease that changes under every write. */
const WRITE_TRIES = 5;

/** A turn that this process holds. */
export interface Turn {
  record: TurnRecord;
  open: OpenNode;
  /** True when the node was not open before: a failure gives the turn back. */
  opened: boolean;
}

export async function readTurn(step: Step): Promise<TurnRecord | undefined> {
  const lease = await readLease(step);
  return lease && fromLease(lease);
}

/**
 * Takes the cluster's lease for the step's node, or goes on with it when it is open for that node already.
 * @throws Stop naming the holder, or the other node that is out. It fails at once: a step that waited would occupy a
 * worker of the engine that the other node needs to finish.
 */
export async function takeTurn(step: Step): Promise<Turn> {
  await assertOwnCluster(step);
  // Kept across tries: a write whose answer was lost is found done at the next one, as if the lease had been ours before.
  let opened = false;
  for (let attempt = 0; attempt < WRITE_TRIES; attempt++) {
    const { turn, free } = await tryTurn(step, await readLease(step));
    opened ||= free;
    if (turn) return { ...turn, opened };
  }
  throw new Stop('the rollout lease free', 'it changed again at each try to take it', 'the same command again');
}

interface Try {
  /** Absent when the lease changed in the meantime. */
  turn?: Omit<Turn, 'opened'>;
  /** Whether no node was open before. */
  free: boolean;
}

async function tryTurn(step: Step, lease: Lease | undefined): Promise<Try> {
  const { node, deps, ctx } = step;
  const record = lease && fromLease(lease);
  const { runId: run, holder, clock } = ctx;
  const asking: Asking = {
    node: node.name,
    run,
    holder,
    now: clock.now(),
    batch: batchOf(step),
    opens: opensBatch(step),
  };
  const decision = await settle(step, record, asking);
  const open: OpenNode = {
    ...(decision.open ?? { evacuated: false, places: {} }),
    node: node.name,
    vm: node.uuid,
    step: step.name,
  };
  if (decision.from !== undefined) step.report(`took the lease over from ${decision.from}, which is gone`);
  const taken = takenRecord(record, asking, deps.processes.self(), open, LEASE_SECONDS);
  if (!deps.processes.engineAlive()) throw new Fenced('the engine that started this step is gone');
  const free = decision.open === undefined;
  if (!(await writeLease(step, taken, lease))) return { free };
  keepRenewing(step);
  return { turn: { record: taken, open }, free };
}

async function settle(
  step: Step,
  record: TurnRecord | undefined,
  asking: Asking,
): Promise<{ open: OpenNode | undefined; from?: string }> {
  const decision = decideTurn(record, asking, (holder) => step.deps.processes.gone(holder));
  if (decision.kind === 'refuse') throw new Stop('the turn to change the cluster', decision.found, decision.next);
  if (decision.kind !== 'observe') return decision;
  await provedSilent(step, record as TurnRecord);
  return { open: decision.open, from: decision.holder };
}

/**
 * The holder is on another machine, whose clock may be wrong: it is gone when it renews nothing for the lease's
 * duration, measured by our own clock. @throws Stop when it does renew.
 */
async function provedSilent(step: Step, record: TurnRecord): Promise<void> {
  const { clock, signal } = step.ctx;
  const end = clock.now() + record.seconds * 1000;
  step.report(`${record.holder} seems gone: watching for ${record.seconds} s whether it renews the lease`);
  await until<void>({
    clock,
    signal,
    timeout: record.seconds * 2000,
    every: (record.seconds * 1000) / 3,
    watch: [watching(step, leases(step), { fieldSelector: `metadata.name=${LEASE_NAME}` })],
    look: async () => {
      const now = await readTurn(step);
      if (now?.renewedAt !== record.renewedAt || now.holder !== record.holder) {
        const found = `${now?.holder || 'somebody'} holds it and renews it`;
        throw new Stop('the turn to change the cluster', found, 'wait until that run has finished');
      }
      return clock.now() >= end ? { done: undefined } : { waiting: `for a renewal by ${record.holder}` };
    },
  });
}

/** The turn that this process holds for its node. @throws Fenced when it is not, or no longer, ours. */
export async function heldTurn(step: Step): Promise<{ record: TurnRecord; open: OpenNode; lease: Lease }> {
  const { ctx, deps, node } = step;
  if (!deps.processes.engineAlive()) throw new Fenced('the engine that started this step is gone');
  const lease = await readLease(step);
  const record = lease && fromLease(lease);
  if (!record || record.run !== ctx.runId || record.holder !== ctx.holder) {
    throw new Fenced(`the lease is ${record?.holder ? `held by ${record.holder} (run ${record.run})` : 'free'}`);
  }
  const out = openNodes(record);
  const open = out.find((other) => other.node === node.name);
  if (!open) throw new Fenced(`the lease is open for ${out.map((other) => other.node).join(', ') || 'no node'}`);
  return { record, open, lease };
}

/**
 * Every write to the cluster goes through here: right before it, the lease must carry our run id and the engine must
 * live. What an interrupted run left behind can thus not act beside the next one.
 */
export async function fenced<T>(step: Step, write: () => Promise<T>): Promise<T> {
  await heldTurn(step);
  return write();
}

/** Notes something about the open node in the lease. */
export async function noteOpen(step: Step, change: Partial<OpenNode>): Promise<void> {
  await rewrite(step, (record, open) => withNode(record, { ...open, ...change }));
}

/** Names of the nodes that are out beside the step's own, of its batch. Asks nothing where there is no batch. */
export async function matesOut(step: Step): Promise<string[]> {
  const batch = batchOf(step);
  if (batch.length === 0) return [];
  const out = openNodes((await readTurn(step)) ?? {}).map(({ node }) => node);
  return out.filter((name) => name !== step.node.name && batch.includes(name));
}

/** Gives the lease back: the node is not out any more. Others of its batch may be, and the lease stays theirs. */
export async function releaseTurn(step: Step): Promise<void> {
  stopRenewing(step);
  await rewrite(step, (record, open) => {
    const others = openNodes(record).filter(({ node }) => node !== open.node);
    return others.length > 0 ? withOpen(record, others) : released(record, step.ctx.clock.now());
  });
}

/** No node is out. */
function released({ transitions, seconds, resourceVersion, acquiredAt }: TurnRecord, renewedAt: number): TurnRecord {
  return {
    holder: '',
    run: '',
    renewedAt,
    acquiredAt,
    seconds,
    transitions,
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

async function rewrite(step: Step, change: (record: TurnRecord, open: OpenNode) => TurnRecord): Promise<void> {
  for (let attempt = 0; attempt < WRITE_TRIES; attempt++) {
    const { record, open, lease } = await heldTurn(step);
    if (await writeLease(step, { ...change(record, open), renewedAt: step.ctx.clock.now() }, lease)) return;
  }
  throw new Stop('to note the state of the node in the lease', 'the lease changed under every try');
}

/** How to stop the renewals of a session, by node and run. */
const renewals = new WeakMap<Session, Map<string, () => void>>();

/** Renews in the background while this process lives; stops by itself when the lease is not ours any more. */
function keepRenewing(step: Step): void {
  const known = renewals.get(step.session) ?? new Map<string, () => void>();
  renewals.set(step.session, known);
  if (known.has(renewalKey(step))) return;
  const stop = step.deps.every((LEASE_SECONDS * 1000) / 3, () => {
    rewrite(step, (record) => record).catch((error: unknown) => {
      // Anything else is a passing trouble: the next renewal tries again, and the fence guards every write meanwhile.
      if (error instanceof Fenced) stopRenewing(step);
    });
  });
  known.set(renewalKey(step), stop);
}

function stopRenewing(step: Step): void {
  const known = renewals.get(step.session);
  known?.get(renewalKey(step))?.();
  known?.delete(renewalKey(step));
}

function renewalKey({ node, ctx }: Step): string {
  return `${node.name} ${ctx.runId}`;
}

function leases({ settings }: Step): `/apis/coordination.k8s.io/v1/namespaces/${string}/leases` {
  return `/apis/coordination.k8s.io/v1/namespaces/${settings.leaseNamespace}/leases`;
}

async function readLease(step: Step): Promise<Lease | undefined> {
  return step.session.kubernetes.get<Lease>(`${leases(step)}/${LEASE_NAME}`);
}

/** @returns false when somebody else wrote it first. */
async function writeLease(step: Step, record: TurnRecord, base: Lease | undefined): Promise<boolean> {
  const { kubernetes } = step.session;
  const lease = toLease(record, step.settings.leaseNamespace, base);
  try {
    await (base ? kubernetes.replace(`${leases(step)}/${LEASE_NAME}`, lease) : kubernetes.create(leases(step), lease));
    return true;
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 409) return false;
    throw error;
  }
}
