import type { Slot, StackConfig } from '../config/schema';
import type { Phase } from './phases';
import type { PlannedNode } from './plan';
import { reconcile } from './reconcile';
import type { RollOptions, TurnOptions } from './rollUpdate';
import type { Outcome } from './runLog';
import { setNodeSlot, stackConfig, stackFileOf } from './stackFile';
import { NodeTurn } from './turn';

/**
 * Steps after which a node is worth rolling back: it does not come up with its new release, or the cluster is not well
 * with it. A restore or settling that failed is about the storage, which another replacement would only burden.
 */
const ROLLS_BACK: readonly Phase[] = ['create VM', 'configure', 'join', 'etcd join', 'health'];

/** The slot that a node does not run on. */
export function otherSlot(config: StackConfig, node: string): Slot {
  return (config.nodes[node]?.release ?? config.releases.active) === 'a' ? 'b' : 'a';
}

/** The slot to go back to: the one whose release the node ran before; undefined when neither has it, or it is the same. */
export function previousSlot(config: StackConfig, node: string, ran: string | undefined): Slot | undefined {
  const other = otherSlot(config, node);
  return ran !== undefined && config.releases[other]?.talos === ran ? other : undefined;
}

/**
 * After a turn that left its node out: puts the node on the release it ran before (R004-FR8), and keeps it there in the
 * stack file, so that the next `up` does not undo it. Resolves with the turn's outcome when a rollback is not wanted,
 * not possible, or would not help.
 */
export async function rollBackAfter(
  options: RollOptions,
  node: PlannedNode,
  failed: Phase | undefined,
  why: string,
): Promise<Outcome> {
  if (failed === undefined || !ROLLS_BACK.includes(failed)) return 'open';
  const { log } = options;
  const config = await stackConfig(options.stack);
  const slot = previousSlot(config, node.name, node.from);
  if (config.rollout.rollback === 'manual' || slot === undefined) return 'open';
  if ((await rollBack(options, node, slot, why)) === 'rolled back') return 'rolled back';
  log.emit({ type: 'progress', node: node.name, message: handover(node.name, node.from) });
  return 'open';
}

/** What a person has to know after a rollback that failed: nothing goes on by itself from here. */
function handover(node: string, release: string | undefined): string {
  return (
    `the rollback to ${release ?? 'its previous release'} failed as well. No other node was touched, and none will be: the ` +
    `rollout lease stays open for ${node}. See what it lacks: prox-ops status. Go on once that is mended: prox-ops roll, ` +
    `which finishes the rollback first`
  );
}

/** What the node runs now: a plan to roll it back tells of it as `from`, the turn that failed as `to`. */
function runs(node: PlannedNode, to: string): string {
  return node.to === to ? (node.from ?? '') : node.to;
}

/** Replaces a node by one of another slot's release, in a turn of its own. A failure is not rolled back again. */
export async function rollBack(options: TurnOptions, node: PlannedNode, slot: Slot, why: string): Promise<Outcome> {
  const { stack, log } = options;
  const to = (await stackConfig(stack)).releases[slot]?.talos ?? '';
  await reconcile({ stack, log });
  await setNodeSlot(stackFileOf(stack), node.name, slot);
  const from = runs(node, to);
  log.emit({ type: 'rollback.started', node: node.name, from, to, why });
  const back: PlannedNode = { ...node, from, to, action: 'roll back' };
  // Not interrupted: a node that is between two releases belongs to neither.
  return new NodeTurn({ ...options, signal: new AbortController().signal }, back).take(0, 1);
}
