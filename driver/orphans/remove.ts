import {
  endOrphanTurn,
  forgetOrphan,
  ORPHAN_STEP,
  ProxmoxWriter,
  realClock,
  stepSettings,
  StepError,
} from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { resolve } from 'node:path';
import { clusterAccess, proxmoxToken } from '../access';
import { CommandError, ExitCode } from '../exit';
import { rolloutLease } from '../lease';
import type { Session } from '../session';
import { bytesText } from '../views/format';
import { isSame, type Leftover, type Machine, type Target } from './leftover';
import { survey, type Surveyed } from './survey';

type NodeTarget = Extract<Target, { kind: 'node' }>;

/** The order in which they go: what a Kubernetes node proves of the others is gone with it. */
const LAST = 'Kubernetes node';

/** Each one only when it was listed in this run, and a second look, right before, finds it unowned again. */
export async function removeOrphans(surveyed: Surveyed, listed: Leftover[], session: Session): Promise<ExitCode> {
  const ordered = [...listed.filter(({ kind }) => kind !== LAST), ...listed.filter(({ kind }) => kind === LAST)];
  for (const leftover of ordered) {
    if (session.signal.aborted) return ExitCode.interrupted;
    const now = await unownedStill(surveyed, leftover);
    await remove(surveyed, now.target, session);
    const { kind, name, where, size, evidence } = now;
    const what = `deleted ${name}${where === '' ? '' : ` on ${where}`}${size === undefined ? '' : ` (${bytesText(size)})`}`;
    session.log.emit({ type: 'progress', message: `${what}, ${kind}: ${evidence}` });
  }
  return ExitCode.ok;
}

/** @throws CommandError: what has an owner now, or may have one, stays, and everything after it. */
async function unownedStill(surveyed: Surveyed, leftover: Leftover): Promise<Leftover & { target: Target }> {
  const now = (await survey(surveyed, { names: false })).leftovers.find((found) => isSame(found, leftover));
  if (now?.target !== undefined) return { ...now, target: now.target };
  const why = now === undefined ? 'it is gone, or has an owner now' : now.evidence;
  throw new CommandError(
    `${leftover.kind} ${leftover.name}: not deleted: ${why}. List again: prox-ops orphans`,
    ExitCode.open,
  );
}

async function remove({ stack, config }: Surveyed, target: Target, session: Session): Promise<void> {
  if (target.kind === 'node') {
    await forget({ stack, config }, target, session);
    return;
  }
  const api = new ProxmoxWriter(config.proxmox.endpoint, await proxmoxToken(stack), realClock);
  const { host } = target;
  if (target.kind === 'vm') {
    // Without its unreferenced disks: one that is another guest's by now stays, and is listed next time if it is not.
    await api.task(host, 'DELETE', `/nodes/${host}/qemu/${target.vmId}?purge=1`);
    return;
  }
  const { storage, volid } = target;
  await api.task(host, 'DELETE', `/nodes/${host}/storage/${storage}/content/${encodeURIComponent(volid)}`);
}

/** In a turn of its own: nobody else changes the cluster meanwhile. @throws CommandError. */
async function forget(
  surveyed: Pick<Surveyed, 'stack' | 'config'>,
  target: NodeTarget,
  session: Session,
): Promise<void> {
  await explained(async () => {
    await forgetOrphan(await inputsOf(surveyed, target.machine), target, contextOf(session));
  });
}

/** The node whose turn to be forgotten was cut off; undefined as well where the cluster does not say. */
export async function cutOffTurn(stack: Stack): Promise<Machine | undefined> {
  const lease = await rolloutLease(stack).catch(() => undefined);
  if (lease?.open?.step !== ORPHAN_STEP) return undefined;
  return { name: lease.open.node, uuid: lease.open.vm, address: '' };
}

/** Everything of it was forgotten before the run was cut off, or is in this run. @throws CommandError. */
export async function endTurn(surveyed: Surveyed, machine: Machine, session: Session): Promise<void> {
  await explained(async () => {
    await endOrphanTurn(await inputsOf(surveyed, machine), contextOf(session));
  });
  session.log.emit({ type: 'run.reconciled', what: `gave back the lease that a run cut off had for ${machine.name}` });
}

async function explained(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (error instanceof StepError) throw new CommandError(error.message, ExitCode.open);
    throw error;
  }
}

/** No host has the machine any more: it has no VM id. */
async function inputsOf({ stack, config }: Pick<Surveyed, 'stack' | 'config'>, { name, uuid, address }: Machine) {
  const access = await clusterAccess(stack, config);
  const snapshotDirectory = resolve(stack.workspace.workDir, config.rollout.snapshotDirectory);
  const settings = { ...stepSettings(config), snapshotDirectory, linstorGuardEnabled: true };
  const node = { name, uuid, address, role: 'worker' as const, vmId: 0, host: '', satellite: false };
  return { node, access, settings };
}

function contextOf({ runId, holder, log, signal }: Session) {
  const report = (message: string) => {
    log.emit({ type: 'progress', message });
  };
  return { runId, holder, signal, report };
}
