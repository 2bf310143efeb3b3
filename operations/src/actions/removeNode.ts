import type { Linstor } from '../clients/linstor.js';
import { describe } from '../clients/linstor.js';
import { isDiskful, sameName } from '../checks/linstorRules.js';
import { Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, type Step } from '../step.js';
import { nodePath, readNode } from './cordon.js';
import { healthyWithout, removeDeadMember } from './etcd.js';
import { memberOf, readEtcd } from '../checks/etcdView.js';
import { plannedVm } from './gateLeave.js';
import { guardedLinstor, LINSTOR_POLL, listed, reach, reachTimeout } from './linstorGuard.js';
import { fenced, releaseTurn, takeTurn } from './turn.js';

/** Seconds for LINSTOR to notice that a satellite is gone. */
const SATELLITE_GONE = 120;

/** A node left for good and its VM is gone: removes what the cluster still remembers of it, and gives the lease back. */
export async function forgetNode(step: Step): Promise<void> {
  await takeTurn(step);
  if (await plannedVm(step)) throw new Stop(`VM ${step.node.vmId} gone before its node is forgotten`, 'it is there');
  if (step.node.role === 'controlplane') await forgetMember(step);
  await forgetSatellite(step);
  await forgetKubernetesNode(step);
  await releaseTurn(step);
  step.report('forgotten; the lease is free');
}

async function forgetMember(step: Step): Promise<void> {
  const view = await readEtcd(step.session.talos, step.inputs.access.controlPlanes);
  const member = memberOf(view, step.node);
  if (!member) return;
  await removeDeadMember(step, view, member);
  await healthyWithout(step, member);
}

/** @param refuse throws where a replica on it forbids that it is forgotten. */
export async function forgetSatellite(
  step: Step,
  refuse: (step: Step, linstor: Linstor) => Promise<void> = refuseReplicas,
): Promise<void> {
  const linstor = guardedLinstor(step);
  if (!linstor) return;
  const node = await reach(step, reachTimeout(step), () => linstor.node(step.node.name));
  if (!node) return;
  await refuse(step, linstor);
  await satelliteOffline(step, linstor);
  const entries = await fenced(step, () => linstor.lose(step.node.name));
  const left = await reach(step, reachTimeout(step), () => linstor.node(step.node.name));
  if (left) throw new Stop(`LINSTOR node ${step.node.name} gone`, describe(entries));
  step.report('LINSTOR node removed');
}

/** LINSTOR forgets a node together with its replicas, last copies included, without protest. */
async function refuseReplicas(step: Step, linstor: Linstor): Promise<void> {
  const resources = await reach(step, reachTimeout(step), () => linstor.resources());
  const held = resources.filter((resource) => sameName(resource.node_name, step.node.name) && isDiskful(resource));
  if (held.length === 0) return;
  const names = listed(held.map(({ name }) => name));
  throw new Stop(
    `no replica on LINSTOR node ${step.node.name} before it is removed`,
    names,
    `see that each has enough replicas elsewhere, then linstor node lost ${step.node.name} and the same command again`,
  );
}

async function satelliteOffline(step: Step, linstor: Linstor): Promise<void> {
  const look = async (): Promise<Look<void>> => {
    const node = await linstor.node(step.node.name);
    return node?.connection_status === 'ONLINE'
      ? { waiting: 'LINSTOR to notice that its satellite is gone' }
      : { done: undefined };
  };
  try {
    await waitFor(step, { timeout: SATELLITE_GONE, every: LINSTOR_POLL, look });
  } catch (error) {
    if (error instanceof WaitTimeout) throw new Stop('the satellite of a node without VM offline', error.message);
    throw error;
  }
}

export async function forgetKubernetesNode(step: Step): Promise<void> {
  const node = await readNode(step);
  if (!node) return;
  const uuid = node.status?.nodeInfo?.systemUUID?.toLowerCase();
  if (uuid !== undefined && uuid !== step.node.uuid.toLowerCase()) {
    throw new Stop(`Kubernetes node ${step.node.name} on the machine ${step.node.uuid}`, `it runs on ${uuid}`);
  }
  await fenced(step, () => step.session.kubernetes.delete(nodePath(step.node.name)));
  step.report('Kubernetes node removed');
}
