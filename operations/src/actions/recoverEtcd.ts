import { TalosError, type TalosCli } from '../clients/talos.js';
import { UnexpectedOutput } from '../clients/talosOutput.js';
import type { Clock } from '../contract.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { until, WaitTimeout, type Look } from '../runtime/waiting.js';

export interface Recovery {
  talos: Pick<TalosCli, 'machineStatus' | 'recoverEtcd' | 'etcdMembers' | 'serviceState'>;
  /** The control plane that begins the cluster: a new machine, which waits for an etcd. */
  name: string;
  address: string;
  /** Path of a snapshot that was verified. */
  snapshot: string;
  /** Seconds for the machine to be ready for it, and again for etcd to run. */
  timeout: number;
  clock: Clock;
  signal: AbortSignal;
  report: (message: string) => void;
}

/** Milliseconds between two looks: a machine tells nobody what its etcd does. */
const LOOK_EVERY = 2_000;
/** What a machine answers that is still booting, has no time yet, or is not ready to take a snapshot. */
const TOO_EARLY = /FailedPrecondition|not available yet|not ready for recovery|not in sync yet|not authorized/;
const HAS_DATA = /AlreadyExists|data directory is not empty/;

/**
 * Begins etcd from a snapshot on a machine that has none, as `talosctl bootstrap --recover-from` does, and waits until its
 * one member answers. Safe to repeat: a machine whose etcd has data is left alone, as Talos itself does.
 * @throws Stop.
 */
export async function recoverEtcd(recovery: Recovery): Promise<void> {
  const { name, address, snapshot, talos, report } = recovery;
  const begin = async (): Promise<Look<string>> => {
    // Uploading takes as long as the snapshot is large: a machine that is not up yet is found out before.
    await talos.machineStatus(address);
    await talos.recoverEtcd(address, snapshot);
    return { done: 'takes the snapshot' };
  };
  report(`${name} ${await waited(recovery, `${name} ready for its etcd`, () => begin().catch(notYet))}`);
  report(`${name}: ${await waited(recovery, `etcd from the snapshot on ${name}`, () => running(recovery))}`);
}

async function waited(recovery: Recovery, expected: string, look: () => Promise<Look<string>>): Promise<string> {
  const { clock, signal, timeout, report } = recovery;
  try {
    return await until({
      clock,
      signal,
      timeout: timeout * 1000,
      every: LOOK_EVERY,
      look,
      onWaiting: (text) => report(`waiting: ${text}`),
    });
  } catch (error) {
    if (error instanceof WaitTimeout) throw new Stop(`${expected} within ${error.seconds} s`, error.waiting);
    throw error;
  }
}

function notYet(error: unknown): Look<string> {
  const text = messageOf(error);
  if (HAS_DATA.test(text)) return { done: 'has an etcd already: its recovery was begun before' };
  if (error instanceof UnexpectedOutput) return { waiting: text };
  if (!(error instanceof TalosError)) throw error;
  if (error.trouble === 'unreachable' || error.trouble === 'foreign' || TOO_EARLY.test(text)) return { waiting: text };
  throw new Stop('the machine to take the snapshot', text);
}

async function running({ talos, address, name }: Recovery): Promise<Look<string>> {
  try {
    const members = await talos.etcdMembers(address);
    const own = members.find(({ hostname, learner }) => hostname === name && !learner);
    if (own) return { done: `etcd runs from the snapshot, member ${own.id}` };
    return { waiting: `etcd has ${members.length} member(s), none of them ${name}` };
  } catch (error) {
    if (!(error instanceof TalosError || error instanceof UnexpectedOutput)) throw error;
    return recovering(talos, address, name);
  }
}

/** A snapshot that etcd cannot be made from shows in the service's state alone. */
async function recovering(talos: Recovery['talos'], address: string, name: string): Promise<Look<string>> {
  const state = await talos.serviceState(address, 'etcd').catch((error: unknown) => messageOf(error));
  if (!state.startsWith('Failed')) return { waiting: `etcd is ${state}` };
  throw new Stop(
    `etcd to begin from the snapshot on ${name}`,
    state,
    'prox-ops destroy, then prox-ops rebuild with another snapshot',
  );
}
