import { TalosError } from '../clients/talos.js';
import type { EtcdMember } from '../clients/talosOutput.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, type Step } from '../step.js';
import {
  assertQuorumWithout,
  isHealthy,
  memberOf,
  readEtcd,
  unhealthyMembers,
  type EtcdView,
} from '../checks/etcdView.js';
import { rebootMachine } from './reboots.js';
import { takeSnapshot } from './snapshot.js';
import { fenced } from './turn.js';

/** Takes the node out of etcd: snapshot, quorum without it, leadership handed on, gone from everybody's member list. */
export async function leaveEtcd(step: Step): Promise<void> {
  if (step.node.role !== 'controlplane') return step.report('not a control plane: no etcd member');
  const before = await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  const member = memberOf(before, step.node);
  if (!member) {
    step.report('not a member of etcd');
    return healthyWithout(step, undefined);
  }
  assertQuorumWithout(before, member);
  const path = await takeSnapshot(step, snapshotSource(before, member));
  step.report(`snapshot verified: ${path}`);
  // The snapshot takes its time; what was true before it may not be now.
  const view = await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  assertQuorumWithout(view, member);
  await removeMember(step, view, member);
  await healthyWithout(step, member);
  step.report('left etcd, the others are healthy');
}

/** Before a control plane reboots with its member in place: snapshot, quorum without it meanwhile, leadership handed on. */
export async function etcdCanSpare(step: Step): Promise<void> {
  if (step.node.role !== 'controlplane') return step.report('not a control plane: no etcd member');
  const before = await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  const member = memberOf(before, step.node);
  assertQuorumWithout(before, member);
  if (!member) return step.report('not a member of etcd');
  const path = await takeSnapshot(step, snapshotSource(before, member));
  step.report(`snapshot verified: ${path}`);
  const view = await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  assertQuorumWithout(view, member);
  const own = view.live.get(member.id);
  if (own)
    await fenced(step, () => step.session.talos.etcdForfeitLeadership(own.address)).catch((error: unknown) =>
      reportCut(step, error),
    );
}

function snapshotSource(view: EtcdView, leaving: EtcdMember): string {
  const others = view.members.filter((member) => member.id !== leaving.id && isHealthy(view, member));
  const source = [...others, leaving].flatMap(({ id }) => view.live.get(id)?.address ?? [])[0];
  if (source === undefined) throw new Stop('a live etcd member to take a snapshot from', 'none');
  return source;
}

/** A live member leaves by itself; a dead one is removed by its id. Success is what the member list says, not the call. */
async function removeMember(step: Step, view: EtcdView, member: EtcdMember): Promise<void> {
  const { talos } = step.session;
  const own = view.live.get(member.id);
  if (!own) return removeDeadMember(step, view, member);
  await fenced(step, () => talos.etcdForfeitLeadership(own.address)).catch((error: unknown) => reportCut(step, error));
  await fenced(step, () => talos.etcdLeave(own.address)).catch((error: unknown) => reportCut(step, error));
}

function reportCut(step: Step, error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'TalosError') throw error;
  // A member that leaves may end before it has answered; whether it left is asked of the others.
  step.report(`talosctl ended with: ${messageOf(error)}`);
}

/** By id, through another member. `memberOf` has made sure that name and address are this node's. */
export async function removeDeadMember(step: Step, view: EtcdView, member: EtcdMember): Promise<void> {
  const via = view.members.find((other) => other.id !== member.id && isHealthy(view, other));
  const address = via && view.live.get(via.id)?.address;
  if (address === undefined) throw new Stop('a healthy etcd member to remove a dead one through', 'none');
  step.report(`its etcd member does not answer: removing ${member.id} by its id`);
  try {
    await fenced(step, () => step.session.talos.etcdRemoveMember(address, member.id));
  } catch (error) {
    reportCut(step, error);
  }
}

/** Waits until nobody lists the member any more and all others are healthy. @throws Stop with what is not. */
export async function healthyWithout(step: Step, member: EtcdMember | undefined): Promise<void> {
  const look = async (): Promise<Look<void>> => {
    const view = await lookAtEtcd(step);
    if ('waiting' in view) return view;
    if (member && view.members.some(({ id }) => id === member.id)) return { waiting: 'its member is listed still' };
    const wrong = unhealthyMembers(view);
    return wrong.length === 0 ? { done: undefined } : { waiting: wrong.join('; ') };
  };
  try {
    await waitFor(step, { timeout: step.settings.etcdTimeout, look });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`etcd healthy without this node within ${error.seconds} s (etcdTimeout)`, error.waiting);
  }
}

/** Waits until the node's member is back: a healthy voter that has applied what the others had when it was first seen. */
export async function rejoinEtcd(step: Step, owed: boolean): Promise<Record<string, string>> {
  if (step.node.role !== 'controlplane') return { etcd: 'not a control plane' };
  if (owed && (await hasLeftEtcd(step))) await startAnew(step);
  let target: number | undefined;
  const look = async (): Promise<Look<Record<string, string>>> => {
    const view = await lookAtEtcd(step);
    if ('waiting' in view) return view;
    const member = memberOf(view, step.node);
    if (!member) return { waiting: 'its etcd member to appear' };
    if (member.learner) return { waiting: 'its etcd member to become a voter (a learner still)' };
    if (!isHealthy(view, member)) return { waiting: 'its etcd member to be healthy' };
    target ??= Math.max(...[...view.live.values()].map(({ status }) => status.raftIndex));
    const applied = view.live.get(member.id)?.status.raftAppliedIndex ?? 0;
    if (applied < target) return { waiting: `its etcd member to catch up (${applied} of ${target})` };
    return { done: { etcd: `voter ${member.id}` } };
  };
  try {
    return await waitFor(step, { timeout: step.settings.etcdTimeout, look });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`the etcd member back as a healthy voter within ${error.seconds} s (etcdTimeout)`, error.waiting);
  }
}

/**
 * Whether the node's member has left: its etcd is stopped and without data, and only a boot of its machine makes it join
 * again. One that is on its way into the cluster has no member either, and is not stopped.
 */
export async function hasLeftEtcd(step: Step): Promise<boolean> {
  const { session, node } = step;
  if (node.role !== 'controlplane') return false;
  const view = await lookAtEtcd(step);
  if ('waiting' in view || memberOf(view, node)) return false;
  return (await session.talos.serviceState(node.address, 'etcd').catch(silence)).startsWith('Finished');
}

/** Met where a node is put back on the machine that it left with, while it is still drained. */
async function startAnew(step: Step): Promise<void> {
  step.report('etcd has left and is stopped: a boot of the machine makes it join again');
  await rebootMachine(step, step.settings.rebootMode);
}

/** A machine API that does not answer has stopped nothing that is known of. */
function silence(error: unknown): string {
  if (!(error instanceof TalosError)) throw error;
  return messageOf(error);
}

/** While members come and go, control planes disagree or do not answer for a moment. */
export async function lookAtEtcd(step: Step): Promise<EtcdView | { waiting: string }> {
  try {
    return await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  } catch (error) {
    if (error instanceof Stop) return { waiting: error.found };
    throw error;
  }
}
