import type { Linstor } from '../clients/linstor.js';
import { TalosError } from '../clients/talos.js';
import type { EtcdMember } from '../clients/talosOutput.js';
import { holds } from '../clients/kubernetesObjects.js';
import { assertQuorumWithout, hostsOf, readEtcd } from '../checks/etcdView.js';
import { lastCopies } from '../checks/linstorRules.js';
import { Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, type Step } from '../step.js';
import { readNode } from './cordon.js';
import { lookAtEtcd, removeDeadMember } from './etcd.js';
import { listed, reach, reachTimeout } from './linstorGuard.js';
import { forgetKubernetesNode, forgetSatellite } from './removeNode.js';

/** What the cluster still knows of a machine that is no more. */
export type Remembered =
  | { what: 'Kubernetes node' }
  | { what: 'LINSTOR node' }
  /** `id`: hexadecimal, as talosctl has it. */
  | { what: 'etcd member'; id: string };

/**
 * Forgets one of them, in the turn of a node that no stack file names any more. The caller has proved that no host has its
 * machine; here the live cluster must not contradict it. @throws Stop when it does: nothing was removed.
 */
export async function forgetRemembered(step: Step, remembered: Remembered): Promise<void> {
  switch (remembered.what) {
    case 'Kubernetes node':
      return forgetDeadNode(step);
    case 'LINSTOR node':
      return forgetSatellite(step, refuseLastCopies);
    case 'etcd member':
      return forgetDeadMember(step, remembered.id);
  }
}

async function forgetDeadNode(step: Step): Promise<void> {
  const node = await readNode(step);
  if (node && holds(node, 'Ready'))
    throw new Stop(`Kubernetes node ${step.node.name} not Ready`, 'its kubelet reports it Ready');
  await forgetKubernetesNode(step);
}

/** LINSTOR forgets a node together with its replicas, last copies included, without protest. */
async function refuseLastCopies(step: Step, linstor: Linstor): Promise<void> {
  const [nodes, resources] = await reach(step, reachTimeout(step), () =>
    Promise.all([linstor.nodes(), linstor.resources()]),
  );
  const last = lastCopies(nodes, resources, step.node.name);
  if (last.length === 0) return;
  throw new Stop(
    `another UpToDate copy of everything on LINSTOR node ${step.node.name}`,
    `none of ${listed(last)}`,
    'bring its machine back, or restore these from a backup before the node is forgotten',
  );
}

async function forgetDeadMember(step: Step, id: string): Promise<void> {
  const view = await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  const member = view.members.find((candidate) => candidate.id === id);
  if (!member) return step.report(`etcd member ${id} is gone already`);
  if (view.live.has(id)) throw new Stop(`etcd member ${id} dead`, 'it answers');
  for (const address of hostsOf(member)) await refuseAnswer(step, member, address);
  assertQuorumWithout(view, member);
  await removeDeadMember(step, view, member);
  await unlisted(step, id);
  step.report(`etcd member ${id} removed`);
}

/** Its address may be another machine's by now; its own etcd must not be there. */
async function refuseAnswer(step: Step, { id }: EtcdMember, address: string): Promise<void> {
  try {
    const status = await step.session.talos.etcdStatus(address);
    if (status.id !== id) return;
  } catch (error) {
    if (!(error instanceof TalosError)) throw error;
    // Nobody there, or a machine that was never part of this cluster: neither is that member.
    if (error.trouble === 'unreachable' || error.trouble === 'foreign') return;
    throw new Stop(`no machine of this cluster at ${address}`, `one that answers: ${error.message}`);
  }
  throw new Stop(`etcd member ${id} dead`, `it answers at ${address}`);
}

/** Others may be dead as well: what counts is that the members that live have dropped this one. */
async function unlisted(step: Step, id: string): Promise<void> {
  const look = async (): Promise<Look<void>> => {
    const view = await lookAtEtcd(step);
    if ('waiting' in view) return view;
    return view.members.some((member) => member.id === id)
      ? { waiting: 'its member is listed still' }
      : { done: undefined };
  };
  try {
    await waitFor(step, { timeout: step.settings.etcdTimeout, look });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`etcd member ${id} gone within ${error.seconds} s (etcdTimeout)`, error.waiting);
  }
}
