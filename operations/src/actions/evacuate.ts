import { describe, type Linstor } from '../clients/linstor.js';
import { LINSTOR_CODES, type LinstorNode, type LinstorResource } from '../clients/linstorTypes.js';
import { gib, placementProblems, readView } from '../checks/linstorPlacement.js';
import {
  faults,
  guardedReplicas,
  hasFlag,
  nodeFaults,
  placeCounts,
  received,
  sameName,
  sizeOf,
  syncing,
} from '../checks/linstorRules.js';
import { Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, type Step } from '../step.js';
import { guardedLinstor, LINSTOR_POLL, listed, reach, reachTimeout, refuseEvicted, Silence } from './linstorGuard.js';
import { settled } from './linstorSettle.js';
import { batchOf } from '../batch.js';
import { fenced, heldTurn, matesOut, noteOpen } from './turn.js';

/** PUTs of one evacuation: LINSTOR wants another one after a replica in use stopped the first. */
const EVACUATE_TRIES = 3;
/** Seconds for replicas to be released after the drain. */
const RELEASE_TIMEOUT = 120;
/** Milliseconds without any synchronisation before LINSTOR is asked again. */
const STALLED = 20_000;
/** Progress is told in steps of so many percent. */
const PERCENT_STEP = 5;

/** Moves the node's guarded replicas to other nodes; returns when it holds none and nothing is faulty. */
export async function evacuateNode(step: Step): Promise<void> {
  const linstor = guardedLinstor(step);
  if (!linstor) return;
  const node = await reach(step, reachTimeout(step), () => linstor.node(step.node.name));
  if (!node) return step.report('LINSTOR knows no such node: it has no replica to move');
  refuseEvicted(node);
  const { open } = await heldTurn(step);
  if (!hasFlag(node, 'EVACUATE')) await startEvacuation(step, linstor);
  else if (open.evacuated) step.report('LINSTOR is evacuating it already, as this rollout asked before');
  else throw flaggedBySomebodyElse(node);
  await drained(step, linstor);
  await settled(step, linstor, 'after the evacuation');
  if (batchOf(step).length > 0) await holdsNothing(step, linstor);
  step.report(`no replica left in ${step.settings.linstorStoragePool}, nothing faulty`);
}

/**
 * A machine that goes makes whatever is left on it faulty, and mates go at the same moment: each would find the other's
 * remains. @throws Stop when anything is left, guarded or not.
 */
async function holdsNothing(step: Step, linstor: Linstor): Promise<void> {
  const resources = await reach(step, reachTimeout(step), () => linstor.resources());
  const left = resources.filter(({ node_name }) => sameName(node_name, step.node.name)).map(({ name }) => name);
  if (left.length === 0) return;
  const next = `npx prox-ops roll --nodes ${step.node.name}, in which it goes alone`;
  throw new Stop('no LINSTOR resource of any kind left on a node that goes beside another one', listed(left), next);
}

function flaggedBySomebodyElse(node: LinstorNode): Stop {
  const next = `find out who evacuates it; linstor node restore ${node.name} undoes it; then npx prox-ops roll`;
  return new Stop(
    `LINSTOR node ${node.name} without flags, or evacuated by this rollout`,
    'flag EVACUATE set by somebody else',
    next,
  );
}

async function startEvacuation(step: Step, linstor: Linstor): Promise<void> {
  const view = await reach(step, reachTimeout(step), () => readView(linstor));
  const wrong = [...faults(view.resources), ...nodeFaults(view.nodes, [step.node.name, ...(await matesOut(step))])];
  if (wrong.length > 0) throw new Stop('nothing faulty in LINSTOR before an evacuation', listed(wrong));
  // A mate that is still to be evacuated would have to pass on what it took.
  const { linstorStoragePool: pool } = step.settings;
  const problems = placementProblems(view, step.node.name, pool, batchOf(step));
  if (problems.length > 0) {
    const next =
      'make room in the storage pool (or add a node), then npx prox-ops roll; npx prox-ops abort brings the node back';
    throw new Stop('room on other nodes for every replica of this node', listed(problems), next);
  }
  // Noted before it is asked for: a flag that is found after a crash is then known to be ours.
  await noteOpen(step, { evacuated: true, places: placeCounts(view.resources) });
  await askToEvacuate(step, linstor);
}

/**
 * Asks until LINSTOR takes it. A replica in use makes it answer 'in use' and set the flag all the same: nothing moves
 * then, not even after the replica is released, until it is asked again.
 */
async function askToEvacuate(step: Step, linstor: Linstor): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await released(step, linstor);
    const entries = await fenced(step, () => linstor.evacuate(step.node.name));
    const errors = entries.filter((entry) => entry.severity === 'error');
    if (errors.length === 0) return refuseUnplaced(step, linstor, entries);
    const inUse = errors.every((entry) => entry.number === LINSTOR_CODES.inUse);
    if (!inUse || attempt === EVACUATE_TRIES) throw new Stop('LINSTOR to evacuate the node', describe(errors));
    step.report(`LINSTOR says a replica is in use: ${describe(errors)}; asking again`);
    await step.ctx.clock.delay(LINSTOR_POLL, step.ctx.signal);
  }
}

/** A warning 'not evacuating' means that a replica stays where it is. Only one about an unguarded replica is let pass. */
async function refuseUnplaced(
  step: Step,
  linstor: Linstor,
  entries: Awaited<ReturnType<Linstor['evacuate']>>,
): Promise<void> {
  const staying = entries.filter(
    (entry) => entry.severity === 'warning' && entry.number === LINSTOR_CODES.notEvacuating,
  );
  if (staying.length === 0) return;
  const resources = await reach(step, reachTimeout(step), () => linstor.resources());
  const guarded = guardedReplicas(resources, step.node.name, step.settings.linstorStoragePool).map(({ name }) => name);
  const unguarded = resources.filter(
    ({ node_name, name }) => sameName(node_name, step.node.name) && !guarded.includes(name),
  );
  const serious = staying.filter((entry) => !unguarded.some(({ name }) => entry.message.includes(`'${name}'`)));
  if (serious.length > 0) throw new Stop('a new place for every replica of the node', describe(serious));
  step.report(`LINSTOR leaves unguarded replicas where they are: ${describe(staying)}`);
}

async function released(step: Step, linstor: Linstor): Promise<void> {
  const timeout = Math.min(RELEASE_TIMEOUT, step.settings.linstorEvacuationTimeout);
  const silence = new Silence(step);
  const look = async (): Promise<Look<void>> => {
    const used = (await linstor.resources()).filter(
      (found) => sameName(found.node_name, step.node.name) && found.state?.in_use,
    );
    if (used.length === 0) return { done: undefined };
    return { waiting: `replicas in use on the node: ${listed(used.map(({ name }) => name))}` };
  };
  try {
    await waitFor(step, { timeout, every: LINSTOR_POLL, look: () => silence.tolerate(look) });
  } catch (error) {
    if (error instanceof WaitTimeout) throw new Stop('no replica of the drained node in use', error.message);
    throw error;
  }
}

async function drained(step: Step, linstor: Linstor): Promise<void> {
  const watch = new DrainWatch(step, linstor);
  const silence = new Silence(step);
  try {
    const timeout = step.settings.linstorEvacuationTimeout;
    await waitFor(step, { timeout, every: LINSTOR_POLL, look: () => silence.tolerate(() => watch.look()) });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`no replica left on the node within ${error.seconds} s (linstorEvacuationTimeout)`, error.waiting);
  }
}

/** Follows an evacuation: what is left, how far it has come, and whether it has come to a halt. */
class DrainWatch {
  private total: number | undefined;
  private movedAt: number;
  private asked = 1;

  constructor(
    private readonly step: Step,
    private readonly linstor: Linstor,
  ) {
    this.movedAt = step.ctx.clock.now();
  }

  async look(): Promise<Look<void>> {
    const { node, settings } = this.step;
    const [resources, flags] = await Promise.all([this.linstor.resources(), this.linstor.node(node.name)]);
    const left = guardedReplicas(resources, node.name, settings.linstorStoragePool);
    if (left.length === 0) return { done: undefined };
    if (!flags || !hasFlag(flags, 'EVACUATE')) {
      throw new Stop('the node to stay flagged EVACUATE', 'somebody cleared the flag while replicas were moving');
    }
    refuseEvicted(flags);
    await this.askAgainWhenStalled(resources, left);
    return { waiting: this.progress(resources, left) };
  }

  private progress(resources: LinstorResource[], left: LinstorResource[]): string {
    const remaining = left.reduce((sum, replica) => sum + sizeOf(replica) * (1 - share(resources, replica)), 0);
    this.total ??= left.reduce((sum, replica) => sum + sizeOf(replica), 0);
    const percent = this.total > 0 ? (100 * (this.total - remaining)) / this.total : 0;
    const told = Math.max(0, Math.floor(percent / PERCENT_STEP) * PERCENT_STEP);
    return `${left.length} replicas to move: ${told} % of ${gib(this.total)} done (${listed(left.map(({ name }) => name))})`;
  }

  private async askAgainWhenStalled(resources: LinstorResource[], left: LinstorResource[]): Promise<void> {
    const now = this.step.ctx.clock.now();
    if (left.some((replica) => moves(resources, replica))) this.movedAt = now;
    if (now - this.movedAt < STALLED || this.asked >= EVACUATE_TRIES) return;
    this.asked += 1;
    this.movedAt = now;
    this.step.report('no replica moves: asking LINSTOR to evacuate again');
    const entries = await fenced(this.step, () => this.linstor.evacuate(this.step.node.name));
    const trouble = entries.filter(({ severity }) => severity === 'error' || severity === 'warning');
    if (trouble.length > 0) this.step.report(`LINSTOR answered: ${describe(trouble)}`);
  }
}

function copiesOf(resources: LinstorResource[], replica: LinstorResource): LinstorResource[] {
  return resources.filter((other) => other !== replica && sameName(other.name, replica.name));
}

function moves(resources: LinstorResource[], replica: LinstorResource): boolean {
  return copiesOf(resources, replica).some((copy) => syncing(copy).length > 0);
}

/** How much of a replica has arrived at its new place, 0 to 1. */
function share(resources: LinstorResource[], replica: LinstorResource): number {
  return Math.max(0, ...copiesOf(resources, replica).map((copy) => received(copy) ?? 0));
}
