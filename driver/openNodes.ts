import { StepError, type TurnRecord } from '@prox-ops/operations';
import { abortNode, type AbortOptions } from './abort';
import { CommandError, ExitCode } from './exit';
import { standingNode } from './inPlaceInputs';
import { InPlaceTurn } from './inPlaceTurn';
import { leaseIfAny } from './lease';
import type { PlannedNode } from './plan';
import type { TurnOptions } from './rollUpdate';
import { stackConfig } from './stackFile';
import { readState } from './state';

/** A node that is out of the cluster with its VM and all of its resources: a change in place was stopped. */
export function leftInPlace(lease: TurnRecord | undefined, halfReplaced: string[]): string | undefined {
  const open = lease?.open?.node;
  return open === undefined || halfReplaced.includes(open) ? undefined : open;
}

/**
 * Gives back what a change in place that was stopped had taken. @throws StepError; CommandError for a node that is not in
 * the stack file any more.
 */
export async function putBackInPlace(options: TurnOptions, node: string): Promise<void> {
  if (await isRemoved(options, node))
    throw new CommandError(
      `${node}: cannot be put back. Expected it in the stack file, found it removed from there. Put it back, then: ` +
        `prox-ops abort ${node}. Or let it leave for good: prox-ops roll`,
      ExitCode.open,
    );
  await new InPlaceTurn(options, node).putBack((await standingNode(options.stack, node)).inputs);
}

/**
 * The turns in the order in which they can be taken. An interrupted run may have left a node open that is not the first,
 * and its turn has to end before another one's: its VM is gone, or it is about to be changed in place again, then it is
 * finished first; else it is put back and waits for its place.
 */
export async function openNodesFirst(
  options: TurnOptions & AbortOptions,
  nodes: PlannedNode[],
): Promise<PlannedNode[]> {
  const state = await readState(options.stack);
  const halfReplaced = state.openNodes();
  const open = halfReplaced.filter((name) => name !== nodes[0]?.name);
  const gone = open.filter((name) => !state.hasVm(name));
  for (const name of open.filter((candidate) => !gone.includes(candidate))) {
    tell(options, name);
    await abortNode(options, name);
  }
  const inPlace = leftInPlace(await leaseIfAny(options.stack), halfReplaced);
  if (inPlace !== undefined && !(await goesOn(options, nodes, inPlace))) await tryToPutBack(options, inPlace);
  return withFirst(nodes, [...gone, ...(inPlace === undefined ? [] : [inPlace])]);
}

/**
 * Whether what was begun is gone on with: another change in place, or the leaving of a node that the stack file has no more,
 * which leaves nothing half replaced in the state and could not be put back.
 */
async function goesOn(options: TurnOptions, nodes: PlannedNode[], name: string): Promise<boolean> {
  return nodes.some((node) => node.name === name && staysInPlace(node)) || (await isRemoved(options, name));
}

async function isRemoved({ stack }: Pick<TurnOptions, 'stack'>, name: string): Promise<boolean> {
  return (await stackConfig(stack)).nodes[name] === undefined;
}

/** Another run may be at it this very moment: then the first turn is refused, and says whose it is. */
async function tryToPutBack(options: TurnOptions & AbortOptions, node: string): Promise<void> {
  tell(options, node);
  try {
    await putBackInPlace(options, node);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    options.log.emit({ type: 'progress', node, message: error.message });
  }
}

function tell({ log }: AbortOptions, name: string): void {
  log.emit({ type: 'run.reconciled', what: `${name} had begun to leave out of its order: putting it back` });
}

/** Its turn begins with what an interrupted change in place of it has taken already. */
function staysInPlace({ action }: PlannedNode): boolean {
  return action === 'upgrade' || action === 'kubernetes';
}

/** A node may have two turns: only the first of them comes before the others. */
function withFirst(nodes: PlannedNode[], names: string[]): PlannedNode[] {
  const first = names.flatMap((name) => nodes.find((node) => node.name === name) ?? []);
  return [...first, ...nodes.filter((node) => !first.includes(node))];
}
