import { describe, type Linstor } from '../clients/linstor.js';
import { readView, wantedPlaces } from '../checks/linstorPlacement.js';
import { faults, hasFlag, nodeFaults, placeCounts, unsettled } from '../checks/linstorRules.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, type Step } from '../step.js';
import { guardedLinstor, LINSTOR_POLL, listed, reach, reachTimeout, refuseEvicted, Silence } from './linstorGuard.js';
import { fenced, heldTurn, matesOut, noteOpen } from './turn.js';

/** Milliseconds for which something may be faulty while nothing moves any more; longer, and it will not mend by itself. */
const FAULTY_AT_REST = 60_000;

/** Waits until nothing moves in LINSTOR and nothing is faulty. @throws Stop with what still is. */
export async function settled(step: Step, linstor: Linstor, when: string): Promise<void> {
  const silence = new Silence(step);
  const { clock } = step.ctx;
  const away = [step.node.name, ...(await matesOut(step))];
  let restedAt: number | undefined;
  const look = async (): Promise<Look<void>> => {
    const [resources, nodes] = await Promise.all([linstor.resources(), linstor.nodes()]);
    const moving = unsettled(resources);
    if (moving.length > 0) restedAt = undefined;
    if (moving.length > 0) return { waiting: `still moving: ${listed(moving.sort().map(withoutShare), 3)}` };
    const wrong = [...faults(resources), ...nodeFaults(nodes, away)];
    if (wrong.length === 0) return { done: undefined };
    restedAt ??= clock.now();
    if (clock.now() - restedAt >= FAULTY_AT_REST) throw new Stop(`nothing faulty in LINSTOR ${when}`, listed(wrong));
    return { waiting: `faulty: ${listed(wrong, 3)}` };
  };
  try {
    const timeout = step.settings.linstorSettleTimeout;
    await waitFor(step, { timeout, every: LINSTOR_POLL, look: () => silence.tolerate(look) });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`LINSTOR settled ${when} within ${error.seconds} s (linstorSettleTimeout)`, error.waiting);
  }
}

/** Without how far it has come, which would be another line of progress at every look. */
function withoutShare(text: string): string {
  return text.replace(/\([\d.]+%\)/g, '');
}

/**
 * Brings the node back into LINSTOR: its satellite online, the evacuation that this rollout asked for taken back,
 * everything settled and nothing faulty. `owed` is false for a node that never left: then nothing is changed.
 */
export async function rejoinLinstor(step: Step, owed: boolean): Promise<Record<string, string>> {
  const linstor = guardedLinstor(step);
  if (!linstor) return { linstor: 'not guarded' };
  if (!(await satelliteBack(step, linstor))) return { linstor: 'no satellite' };
  const node = await reach(step, reachTimeout(step), () => linstor.node(step.node.name));
  if (node) refuseEvicted(node);
  const flagged = node !== undefined && hasFlag(node, 'EVACUATE');
  if (!owed) {
    if (flagged) step.report("LINSTOR evacuates it at somebody else's wish: left as it is");
    return { linstor: 'online' };
  }
  const { open } = await heldTurn(step);
  if (flagged && !open.evacuated) step.report("LINSTOR evacuates it at somebody else's wish: left as it is");
  if (flagged && open.evacuated) await restoreNode(step, linstor);
  await settled(step, linstor, 'after the node came back');
  await placesKept(step, linstor, open.places);
  step.report('settled, nothing faulty');
  return { linstor: 'restored' };
}

/** @returns false for a node that has no satellite and needs none. */
async function satelliteBack(step: Step, linstor: Linstor): Promise<boolean> {
  const { node, settings } = step;
  const silence = new Silence(step);
  const look = async (): Promise<Look<boolean>> => {
    const found = await linstor.node(node.name);
    if (!found) return node.satellite === false ? { done: false } : { waiting: 'its satellite to be registered' };
    if (found.connection_status === 'ONLINE') return { done: true };
    // Evicted satellites do not come back by themselves.
    refuseEvicted(found);
    return { waiting: `its satellite: ${found.connection_status}` };
  };
  try {
    const timeout = settings.linstorSettleTimeout;
    return await waitFor(step, { timeout, every: LINSTOR_POLL, look: () => silence.tolerate(look) });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`the LINSTOR satellite ONLINE within ${error.seconds} s (linstorSettleTimeout)`, error.waiting);
  }
}

/** Takes the evacuation back and looks that the flag is gone. Replicas already on their way go on moving. */
export async function restoreNode(step: Step, linstor: Linstor): Promise<void> {
  const entries = await fenced(step, () => linstor.restore(step.node.name));
  const node = await reach(step, reachTimeout(step), () => linstor.node(step.node.name));
  if (node && hasFlag(node, 'EVACUATE', 'EVICTED')) {
    const found = `flags ${node.flags?.join(', ')} (LINSTOR said: ${describe(entries)})`;
    throw new Stop(
      'the node without EVACUATE after a restore',
      found,
      `linstor node restore ${step.node.name}, then npx prox-ops roll`,
    );
  }
  await noteOpen(step, { evacuated: false });
  step.report('restored in LINSTOR');
}

/** Undo of an evacuation that failed: says what became of it. */
export async function undoEvacuation(step: Step): Promise<string> {
  const { linstor } = step.session;
  if (!linstor || !step.settings.linstorGuardEnabled) return 'LINSTOR untouched';
  const { open } = await heldTurn(step);
  if (!open.evacuated) return 'LINSTOR untouched';
  const byHand = `LINSTOR node ${step.node.name} may still be flagged EVACUATE`;
  try {
    const node = await linstor.node(step.node.name);
    if (!node || !hasFlag(node, 'EVACUATE')) return 'LINSTOR node not flagged';
    await restoreNode(step, linstor);
    return 'LINSTOR node restored, replicas already moving go on moving';
  } catch (error) {
    return `${byHand} (${messageOf(error)})`;
  }
}

/** A resource must not have come out with fewer replicas than it had, or than its group wants. */
async function placesKept(step: Step, linstor: Linstor, before: Record<string, number>): Promise<void> {
  if (Object.keys(before).length === 0) return;
  const view = await reach(step, reachTimeout(step), () => readView(linstor));
  const now = placeCounts(view.resources);
  const lost = Object.entries(before).flatMap(([name, count]) => {
    // Deleted in the meantime by its owner, or surplus: LINSTOR drops replicas beyond the group's count.
    if (!view.definitions.some((definition) => definition.name === name)) return [];
    const wanted = Math.min(count, wantedPlaces(view, name) ?? count);
    return (now[name] ?? 0) < wanted ? [`${name}: ${now[name] ?? 0} of ${wanted} replicas`] : [];
  });
  if (lost.length > 0) throw new Stop('as many replicas as before', listed(lost));
}
