import { KubernetesError } from '../clients/kubernetes.js';
import type { Node, Taint } from '../clients/kubernetesObjects.js';
import { Stop } from '../runtime/errors.js';
import type { Step } from '../step.js';
import { nodePath, readNode } from './cordon.js';
import { plannedVm } from './gateLeave.js';
import { fenced } from './turn.js';

/**
 * Kubernetes' own mark for a machine that runs nothing any more: it removes the pods that wait for a kubelet to end them,
 * and detaches their volumes. On a machine that still runs it would give a volume two writers.
 */
export const OUT_OF_SERVICE: Taint = {
  key: 'node.kubernetes.io/out-of-service',
  value: 'nodeshutdown',
  effect: 'NoExecute',
};
/** Set with our taint to the run's id: what somebody else declared stays declared. */
const DECLARED_BY = 'prox-ops.io/out-of-service-by';
/** Tries before giving up on a node that changes under every write. */
const WRITE_TRIES = 5;

/** How a drain that did not end goes on when nobody can say whether the pods still run. */
export const STOP_ITS_VM = 'stop its VM in Proxmox, so that its pods are known to have ended; then npx prox-ops roll';

/** Whether the kubelet has stopped to report: then nobody tells whether its pods have ended. */
export function isSilent(node: Node): boolean {
  return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'Unknown';
}

/**
 * A node whose kubelet is silent and whose VM is off is declared out of service. While its VM runs nothing is forced: that is
 * said, and the drain waits as for any other node. @throws Stop when the VM is not the planned one.
 */
export async function declareIfOff(step: Step): Promise<void> {
  const node = await readNode(step);
  if (!node || !isSilent(node) || declared(node)) return;
  if (!(await isOff(step)))
    return step.report('its kubelet is silent while its VM runs: nothing is forced, as its pods may still run');
  await changeTaints(step, (taints) => [...taints, OUT_OF_SERVICE], step.ctx.runId);
  step.report('its kubelet is silent and its VM is off: declared out of service, so Kubernetes removes its pods');
}

export function declaredByUs({ metadata }: Node): boolean {
  return metadata.annotations?.[DECLARED_BY] !== undefined;
}

/** Takes our declaration back, and only ours. */
export async function withdraw(step: Step, node: Node): Promise<void> {
  if (!declaredByUs(node)) return;
  await changeTaints(step, (taints) => taints.filter(({ key }) => key !== OUT_OF_SERVICE.key), null);
  step.report('in service again');
}

function declared({ spec }: Node): boolean {
  return spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE.key) === true;
}

/** A VM that is gone is off as well. */
async function isOff(step: Step): Promise<boolean> {
  return !(await plannedVm(step)) || (await step.session.proxmox.isOff(step.node.vmId));
}

/** A list is replaced as a whole: the controllers' own taints, set in the meantime, must not get lost. */
async function changeTaints(step: Step, change: (taints: Taint[]) => Taint[], run: string | null): Promise<void> {
  for (let attempt = 0; attempt < WRITE_TRIES; attempt++) {
    const node = await readNode(step);
    if (!node) return;
    const { resourceVersion } = node.metadata;
    const metadata = { ...(resourceVersion !== undefined && { resourceVersion }), annotations: { [DECLARED_BY]: run } };
    const patch = { metadata, spec: { taints: change(node.spec?.taints ?? []) } };
    try {
      await fenced(step, () => step.session.kubernetes.patch(nodePath(step.node.name), patch));
      return;
    } catch (error) {
      if (!(error instanceof KubernetesError) || error.status !== 409) throw error;
    }
  }
  throw new Stop('to change the taints of the node', 'it changed under every try', 'the same command again');
}
