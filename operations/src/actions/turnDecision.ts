import type { Holder, Processes } from '../runtime/processes.js';
import { openNodes, withNode, type OpenNode, type TurnRecord } from './turnRecord.js';

/** Who asks for the turn. */
export interface Asking {
  node: string;
  run: string;
  holder: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** The workers that the run was asked to take out at the same time, this one among them; empty: one node at a time. */
  batch: readonly string[];
  /** Whether it may be opened beside others: see `opensBatch`. */
  opens: boolean;
}

export type TurnDecision =
  /** The lease is ours already. */
  | { kind: 'continue'; open: OpenNode | undefined }
  /** Nobody stands in the way; `from` names a holder that is proved gone. */
  | { kind: 'take'; open: OpenNode | undefined; from?: string }
  /** Only time can tell whether a holder on another machine is gone: watch whether it renews. */
  | { kind: 'observe'; open: OpenNode | undefined; holder: string }
  | { kind: 'refuse'; found: string; next: string };

/** Step of a turn that forgets a machine which no stack file names. */
export const ORPHAN_STEP = 'orphan';

const FINISH = 'npx prox-ops roll (finishes that node) or npx prox-ops abort (brings it back as it was)';

/** Whether `asking` may have the turn, by what the lease says. Pure: the proof that a process is gone is handed in. */
export function decideTurn(record: TurnRecord | undefined, asking: Asking, gone: Processes['gone']): TurnDecision {
  if (!record) return { kind: 'take', open: undefined };
  const { holder } = record;
  const out = openNodes(record);
  const open = out.find(({ node }) => node === asking.node);
  const others = out.filter((node) => node !== open);
  const ours = holder === asking.holder && record.run === asking.run;
  const held = holder !== '' && !ours && !handsOn(record, asking);
  if (others.length > 0 && !mayGoBeside(record, asking, others))
    return refuseForOthers(others, held ? holder : '', record, gone);
  if (ours) return { kind: 'continue', open };
  if (!held) return { kind: 'take', open };
  return decideHeld(record, open, asking, gone);
}

/**
 * A batch is taken out and brought back by the run's own process, and replaced by the engines that it starts in between:
 * each takes the lease over from the other, alive as it is. So does the engine that rolls back the last one of it.
 */
function handsOn(record: TurnRecord, { run, node }: Asking): boolean {
  return record.run === run && (record.batch ?? []).includes(node);
}

/**
 * Beside others goes only a node of the batch that they are of, too: as the lease has it from this very run, or, where it is
 * out already, as a run that finishes what another one left has found it.
 */
function mayGoBeside(record: TurnRecord, { node, run, batch, opens }: Asking, others: OpenNode[]): boolean {
  const together = [node, ...others.map((other) => other.node)];
  if (!together.every((name) => batch.includes(name))) return false;
  const out = openNodes(record).some((other) => other.node === node);
  return out || (opens && record.run === run && together.every((name) => record.batch?.includes(name)));
}

/** Never two nodes out at once, whoever took the other one out and whether or not that run still lives. */
function refuseForOthers(
  others: OpenNode[],
  holder: string,
  record: TurnRecord,
  gone: Processes['gone'],
): TurnDecision {
  const lives = holder !== '' && !(record.process && gone(record.process));
  const by = lives ? `; ${holder} is at it` : '';
  const found = others.map(
    ({ node, step }) => `node ${node} is out of the cluster (step ${step}, run ${record.run || 'unknown'}${by})`,
  );
  const orphan = others.some(({ step }) => step === ORPHAN_STEP);
  const finish = orphan ? 'npx prox-ops orphans --delete (finishes forgetting it)' : FINISH;
  return { kind: 'refuse', found: found.join('; '), next: lives ? `wait for ${holder}, then ${finish}` : finish };
}

function decideHeld(
  record: TurnRecord,
  open: OpenNode | undefined,
  asking: Asking,
  gone: Processes['gone'],
): TurnDecision {
  const { holder, process } = record;
  const proof = process && gone(process);
  if (proof === true) return { kind: 'take', open, from: holder };
  const age = Math.round((asking.now - record.renewedAt) / 1000);
  const fresh = age < record.seconds;
  if (proof === false || fresh) {
    return {
      kind: 'refuse',
      found: `${holder} holds it (run ${record.run || 'unknown'}, renewed ${Math.max(age, 0)} s ago)`,
      next: `wait until ${holder} has finished, or stop it, then run the same command again`,
    };
  }
  return { kind: 'observe', open, holder };
}

/** The record after the turn was taken for a node. */
export function takenRecord(
  record: TurnRecord | undefined,
  asking: Asking,
  process: Holder,
  open: OpenNode,
  seconds: number,
): TurnRecord {
  const before: Partial<TurnRecord> = { ...record };
  // A batch is the run's that named it: but what is out of it is to be known for what it is until it is back.
  const continued = record && openNodes(record).some(({ node }) => node === open.node);
  if (!continued) delete before.batch;
  const taken: TurnRecord = {
    ...before,
    holder: asking.holder,
    run: asking.run,
    process,
    renewedAt: asking.now,
    acquiredAt: record?.holder === asking.holder ? record.acquiredAt : asking.now,
    seconds,
    transitions: (record?.transitions ?? 0) + (record && record.holder !== asking.holder ? 1 : 0),
    ...(asking.batch.length > 0 && { batch: [...asking.batch] }),
  };
  return withNode(taken, open);
}
