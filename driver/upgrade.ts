import { openNodes, type InPlaceChange, type ReleaseTarget } from '@prox-ops/operations';
import { installerImage, type NodePlan } from '../config/plan';
import { UPGRADED_IN_PLACE } from '../config/marks';
import { UpdateError } from './engine';
import { CommandError } from './exit';
import { standingNode, type StandingNode } from './inPlaceInputs';
import { InPlaceTurn } from './inPlaceTurn';
import { rolloutLease } from './lease';
import type { PlannedNode } from './plan';
import { previousSlot } from './rollback';
import { applyUpdate, type TurnOptions } from './rollUpdate';
import type { Outcome } from './runLog';
import { setNodeSlot, stackFileOf } from './stackFile';
import { wantedSchematics } from './staleness';
import { readState, VM_TYPE } from './state';
import { importState } from './pulumiCli';

/** One node's upgrade in place, and writing it down. Failures are told through the log. */
export async function upgradeNode(
  options: TurnOptions,
  node: PlannedNode,
  index: number,
  of: number,
): Promise<Outcome> {
  const started = Date.now();
  const { log } = options;
  const { name, from, to } = node;
  log.emit({ type: 'node.started', node: name, index, of, from, to });
  const { outcome, message } = await upgraded(options, node);
  const ms = Date.now() - started;
  log.emit({ type: 'node.finished', node: name, outcome, ms, ...(message !== undefined && { message }) });
  return outcome;
}

interface Ended {
  outcome: Outcome;
  message?: string;
}

async function upgraded(options: TurnOptions, node: PlannedNode): Promise<Ended> {
  const standing = await standingNode(options.stack, node.name);
  const wanted = await wantedRelease(options, standing);
  if (!(await isDone(options, standing, wanted))) {
    const inputs = { ...standing.inputs, release: wanted };
    const { outcome, message } = await new InPlaceTurn(options, node.name).take(inputs, changeTo(standing, wanted));
    if (outcome === 'rolled back') await hold(options, standing);
    if (outcome !== 'changed') return { outcome, ...(message !== undefined && { message }) };
  }
  const { planned } = standing;
  const what = `runs Talos ${planned.release.talos}`;
  return writeDown(options, planned, node, { what, outcome: 'upgraded', again: `prox-ops upgrade ${node.name}` });
}

/** The schematic's id is the image factory's answer, which the preparation has put into the state. */
async function wantedRelease({ stack }: TurnOptions, { planned }: StandingNode): Promise<ReleaseTarget> {
  const schematic = wantedSchematics(await readState(stack))[planned.variant];
  if (schematic === undefined)
    throw new CommandError(`Expected the schematic '${planned.variant}' in the stack's state, found none.`);
  return { ...planned.release, schematic };
}

function changeTo({ config, inputs }: StandingNode, wanted: ReleaseTarget): InPlaceChange {
  const { release: now } = inputs;
  const image = (release: ReleaseTarget) => installerImage(config, release.schematic, release.talos);
  return { kind: 'upgrade', image: image(wanted), previous: { image: image(now), release: now } };
}

/** A run that was killed may have upgraded the machine and not have written it down; then it is in service already. */
async function isDone({ stack }: TurnOptions, { inputs }: StandingNode, wanted: ReleaseTarget): Promise<boolean> {
  const { release: now, node } = inputs;
  if (now.talos !== wanted.talos || now.schematic !== wanted.schematic) return false;
  return !openNodes((await rolloutLease(stack)) ?? {}).some((open) => open.node === node.name);
}

/** Keeps a node that was rolled back on its previous release, so that no later run undoes it. */
async function hold({ stack }: TurnOptions, { config, inputs }: StandingNode): Promise<void> {
  const slot = previousSlot(config, inputs.node.name, inputs.release.talos);
  if (slot !== undefined) await setNodeSlot(stackFileOf(stack), inputs.node.name, slot);
}

/**
 * Makes the stack say what the machine runs, so that no later update replaces its VM for it: as a VM of the new release's
 * template, with a description that names it, and with the release's own machine configuration. A run killed before this
 * is done leaves a node that the next plan upgrades again, which finds it done.
 */
export async function writeDown(
  options: TurnOptions,
  planned: NodePlan,
  { name, urns }: PlannedNode,
  { what, outcome, again }: { what: string; outcome: Outcome; again: string },
): Promise<Ended> {
  const { stack, log } = options;
  const state = await readState(stack);
  const vm = state.ofNode(name).find(({ type }) => type === VM_TYPE);
  if (vm) state.markCloneOf(vm.urn, planned.templateVmId);
  log.emit({
    type: 'progress',
    node: name,
    message: `${what}: writing it down in the stack`,
  });
  try {
    await importState(stack, { ...state.withoutPending(), version: state.version });
    await applyUpdate(options, {
      targets: urns,
      environment: { [UPGRADED_IN_PLACE]: name },
      message: `prox-ops: ${name} ${what}`,
      signal: undefined,
    });
    return { outcome };
  } catch (error) {
    if (!(error instanceof UpdateError)) throw error;
    const next = `${name} ${what} and is in service, but the stack does not know it yet. Once that is mended: ${again}`;
    return { outcome: 'open', message: `${error.message}\n${next}` };
  }
}
