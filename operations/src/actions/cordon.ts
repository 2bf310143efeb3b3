import { CORDONED_BY, cordonedByUs } from '../checks/cordonMark.js';
import type { Node } from '../clients/kubernetesObjects.js';
import type { Step } from '../step.js';
import { fenced } from './turn.js';

export function nodePath(name: string): `/api/v1/nodes/${string}` {
  return `/api/v1/nodes/${name}`;
}

export async function readNode(step: Step): Promise<Node | undefined> {
  return step.session.kubernetes.get<Node>(nodePath(step.node.name));
}

export async function cordon(step: Step, node: Node): Promise<void> {
  if (node.spec?.unschedulable === true && !cordonedByUs(node)) return step.report('cordoned by somebody else already');
  await mark(step, true, step.ctx.runId);
  step.report('cordoned');
}

/** Takes back our cordon, and only ours. @returns what was done, in words. */
export async function uncordon(step: Step): Promise<string> {
  const node = await readNode(step);
  if (!node) return 'no such Kubernetes node';
  if (!cordonedByUs(node))
    return node.spec?.unschedulable === true ? 'node cordoned by somebody else, left so' : 'node not cordoned';
  await mark(step, null, null);
  return 'node uncordoned';
}

async function mark(step: Step, unschedulable: boolean | null, run: string | null): Promise<void> {
  const patch = { metadata: { annotations: { [CORDONED_BY]: run } }, spec: { unschedulable } };
  await fenced(step, () => step.session.kubernetes.patch(nodePath(step.node.name), patch));
}
