import type { BracketInputs } from '@prox-ops/operations';
import { KUBELETS_KEPT } from '../config/marks';
import { ONLY_NODES } from '../config/narrowing';
import { splitUrn } from './changes';
import { OWN_PACK } from './check/packs';
import { standingNode } from './inPlaceInputs';
import { InPlaceTurn } from './inPlaceTurn';
import type { PlannedNode } from './plan';
import { applyUpdate, type TurnOptions } from './rollUpdate';
import type { Outcome } from './runLog';
import { CONFIGURATION_TYPE } from './state';
import { writeDown } from './upgrade';

/**
 * One part of a machine's Kubernetes, as the machine runs. The configuration alone is applied in the turn; only after the
 * kubelet's turn does the stack say that the node runs the new release, so that a run killed before that goes on here.
 */
export async function changeKubernetesOf(
  options: TurnOptions,
  node: PlannedNode,
  index: number,
  of: number,
): Promise<Outcome> {
  const started = Date.now();
  const { log } = options;
  const { name, from, to } = node;
  log.emit({ type: 'node.started', node: name, index, of, from, to });
  log.emit({ type: 'progress', node: name, message: node.why.join('; ') });
  const { outcome, message } = await changed(options, node);
  const ms = Date.now() - started;
  log.emit({ type: 'node.finished', node: name, outcome, ms, ...(message !== undefined && { message }) });
  return outcome;
}

async function changed(options: TurnOptions, node: PlannedNode): Promise<{ outcome: Outcome; message?: string }> {
  const { part, kubernetes } = node;
  if (part === undefined || kubernetes === undefined) throw new Error(`${node.name}: expected a part of Kubernetes`);
  const { planned, inputs } = await standingNode(options.stack, node.name);
  const wanted: BracketInputs = { ...inputs, release: { ...inputs.release, kubernetes: planned.release.kubernetes } };
  const apply = () => applyConfiguration(options, node, inputs.release.kubernetes);
  const { outcome, message } = await new InPlaceTurn(options, node.name).changeKubernetes(wanted, { part, apply });
  if (outcome !== 'changed') return { outcome, ...(message !== undefined && { message }) };
  if (part === 'control plane') return { outcome: 'updated' };
  const what = `runs Kubernetes ${kubernetes.to}`;
  return writeDown(options, planned, node, { what, outcome: 'updated', again: `prox-ops roll --nodes ${node.name}` });
}

/** @param running the kubelet's version: it keeps it while the control plane's part is changed. */
function applyConfiguration(options: TurnOptions, { name, urns, part }: PlannedNode, running: string): Promise<void> {
  const kept = part === 'control plane' ? { [KUBELETS_KEPT]: JSON.stringify({ [name]: running }) } : {};
  return applyUpdate(options, {
    targets: urns.filter((urn) => splitUrn(urn).type === CONFIGURATION_TYPE),
    environment: { ...kept, [ONLY_NODES]: name },
    message: `prox-ops roll: Kubernetes of ${name}, ${part ?? ''}`,
    signal: undefined,
    // In between, the parts of a node are of two releases, which our own policies rightly refuse to find anywhere else.
    policyPacks: (options.policyPacks ?? []).filter((pack) => pack !== OWN_PACK),
  });
}
