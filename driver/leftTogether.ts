import { isHeld, openNodes, realClock, realProcesses, StepError, type TurnRecord } from '@prox-ops/operations';
import { abortNode } from './abort';
import { CommandError, ExitCode } from './exit';
import { Mate, putBackMate } from './mate';
import type { RollPlan } from './plan';
import type { Surroundings } from './planOutlook';
import type { TurnOptions } from './rollUpdate';
import { readState } from './state';

/** The lease of a run that took several workers at a time and was stopped with some of them out. */
export interface LeftBatch extends TurnRecord {
  batch: string[];
}

/** Such a lease among what was read of the cluster. */
export function leftBatchIn({ snapshot }: Pick<Surroundings, 'snapshot'>): LeftBatch | undefined {
  if ('unbuilt' in snapshot || 'trouble' in snapshot.kubernetes) return undefined;
  return asLeftBatch(snapshot.kubernetes.value.lease);
}

export function asLeftBatch(lease: TurnRecord | undefined): LeftBatch | undefined {
  const { batch } = lease ?? {};
  return lease && batch && openNodes(lease).length > 0 ? { ...lease, batch } : undefined;
}

export interface StillOut {
  exitCode: ExitCode;
  message: string;
}

/**
 * Brings in what a stopped batch has left out, before anything else is begun: first what stands, which is put back, then
 * what is gone or may be about to go, which is finished. @returns what is out still, or who is at it.
 */
export async function bringBatchIn(
  options: TurnOptions,
  lease: LeftBatch,
  plan: Pick<RollPlan, 'nodes'>,
): Promise<StillOut | undefined> {
  if (isHeld(lease, realClock.now(), (holder) => realProcesses.gone(holder)))
    return { exitCode: ExitCode.held, message: `${lease.holder} has them out at the same time: ${namesOf(lease)}` };
  options.log.emit({ type: 'run.reconciled', what: `${namesOf(lease)} were out at the same time: bringing them back` });
  const run = { ...options, batch: lease.batch };
  const state = await readState(options.stack);
  const problems = await each(lease, {
    stands: (name) => state.hasVm(name) && !state.isPastLastLook(name),
    standing: (name) => putBackMate(run, name),
    gone: (name) => finish(run, name, plan),
  });
  if (problems.length === 0) return undefined;
  const message = `${problems.join('\n')}\nNo other node was begun. Once that is mended: prox-ops roll`;
  return { exitCode: ExitCode.open, message };
}

/** Puts back what a stopped batch has left out, or one node of it. @throws CommandError for one whose VM is gone, at last. */
export async function abortBatch(options: TurnOptions, lease: LeftBatch, node?: string): Promise<void> {
  const run = { ...options, batch: lease.batch };
  const state = await readState(options.stack);
  const problems = await each(lease, {
    only: node,
    stands: (name) => state.hasVm(name),
    standing: (name) => putBackMate(run, name),
    gone: (name) => abortNode(run, name),
  });
  if (problems.length > 0) throw new CommandError(problems.join('\n'), ExitCode.open);
}

interface Acts {
  only?: string | undefined;
  stands: (name: string) => boolean;
  standing: (name: string) => Promise<void>;
  gone: (name: string) => Promise<void>;
}

/** One that fails is no reason to leave the others out as well. @returns what went wrong. */
async function each(lease: LeftBatch, acts: Acts): Promise<string[]> {
  const { stands } = acts;
  const names = openNodes(lease).map(({ node }) => node);
  const wanted = names.filter((name) => acts.only === undefined || acts.only === name);
  const problems: string[] = [];
  for (const name of [...wanted.filter(stands), ...wanted.filter((other) => !stands(other))]) {
    try {
      await (stands(name) ? acts.standing(name) : acts.gone(name));
    } catch (error) {
      if (!(error instanceof StepError || error instanceof CommandError)) throw error;
      problems.push(`${name} is out still: ${error.message}`);
    }
  }
  return problems;
}

async function finish(options: TurnOptions, name: string, { nodes }: Pick<RollPlan, 'nodes'>): Promise<void> {
  const node = nodes.find((planned) => planned.name === name);
  if (!node) throw new CommandError(`expected a turn for it in the plan, found none. Look at: prox-ops plan`);
  await new Mate(options, node).finish();
}

function namesOf(lease: TurnRecord): string {
  return openNodes(lease)
    .map(({ node }) => node)
    .join(', ');
}
