import { formBatches, nextBatch, type Batch } from '@prox-ops/operations';
import type { PlannedNode } from './plan';
import { lookAround, type Surroundings } from './planOutlook';
import { preflightRequest } from './planRequest';
import type { RollOptions } from './rollUpdate';

/** Turns that are taken at the same time. */
export interface PlannedBatch {
  nodes: PlannedNode[];
  /** Of a single node: why no other one goes with it. */
  alone?: string;
}

interface BatchOptions {
  /** At most so many workers at the same time. */
  parallel: number;
  /** The node that the run itself runs on. */
  ownNode?: string | undefined;
}

/** The turns as they would be taken if nothing changed meanwhile. A roll looks again before each batch. */
export function batchesOf(
  nodes: PlannedNode[],
  { snapshot, config }: Surroundings,
  { parallel, ownNode }: BatchOptions,
): PlannedBatch[] {
  if ('unbuilt' in snapshot) return nodes.map((node) => ({ nodes: [node], alone: 'the cluster was never built' }));
  const request = preflightRequest({ nodes, prepare: [] }, config);
  return formBatches(snapshot, request, parallel, apart(ownNode)).map((batch) => planned(batch, nodes));
}

/** The turns that come next, of those that are left, by a fresh look at the cluster where more than one may go. */
export async function comingBatch(options: RollOptions, left: PlannedNode[]): Promise<PlannedBatch> {
  const { stack, parallel = 1, ownNode } = options;
  if (parallel < 2) return { nodes: left.slice(0, 1) };
  const { snapshot, config } = await lookAround(stack);
  if ('unbuilt' in snapshot) return { nodes: left.slice(0, 1), alone: snapshot.unbuilt };
  const request = preflightRequest({ nodes: left, prepare: [] }, config);
  return planned(nextBatch(snapshot, request, parallel, apart(ownNode)), left);
}

function apart(ownNode: string | undefined): string[] {
  return ownNode === undefined ? [] : [ownNode];
}

function planned({ turns, alone }: Batch, nodes: PlannedNode[]): PlannedBatch {
  const chosen = turns.flatMap((place) => nodes[place] ?? []);
  return { nodes: chosen, ...(alone !== undefined && { alone }) };
}
