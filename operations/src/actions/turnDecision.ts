import type { Holder, Processes } from '../runtime/processes.js';
import type { OpenNode, TurnRecord } from './turnRecord.js';

/** Who asks for the turn. */
export interface Asking {
  node: string;
  run: string;
  holder: string;
  /** Milliseconds since the epoch. */
  now: number;
}

export type TurnDecision =
  /** The lease is ours already. */
  | { kind: 'continue'; open: OpenNode | undefined }
  /** Nobody stands in the way; `from` names a holder that is proved gone. */
  | { kind: 'take'; open: OpenNode | undefined; from?: string }
  /** Only time can tell whether a holder on another machine is gone: watch whether it renews. */
  | { kind: 'observe'; holder: string }
  | { kind: 'refuse'; found: string; next: string };

/** Step of a turn that forgets a machine which no stack file names. */
export const ORPHAN_STEP = 'orphan';

const FINISH = 'npx prox-ops roll (finishes that node) or npx prox-ops abort (brings it back as it was)';

/** Whether `asking` may have the turn, by what the lease says. Pure: the proof that a process is gone is handed in. */
export function decideTurn(record: TurnRecord | undefined, asking: Asking, gone: Processes['gone']): TurnDecision {
  if (!record) return { kind: 'take', open: undefined };
  const { open, holder } = record;
  const ours = holder === asking.holder && record.run === asking.run;
  const held = holder !== '' && !ours;
  if (open && open.node !== asking.node) return refuseForOther(open, held ? holder : '', record, gone);
  if (ours) return { kind: 'continue', open };
  if (!held) return { kind: 'take', open };
  return decideHeld(record, asking, gone);
}

/** Never two nodes out at once, whoever took the other one out and whether or not that run still lives. */
function refuseForOther(open: OpenNode, holder: string, record: TurnRecord, gone: Processes['gone']): TurnDecision {
  const lives = holder !== '' && !(record.process && gone(record.process));
  const by = lives ? `; ${holder} is at it` : '';
  const found = `node ${open.node} is out of the cluster (step ${open.step}, run ${record.run || 'unknown'}${by})`;
  const finish = open.step === ORPHAN_STEP ? 'npx prox-ops orphans --delete (finishes forgetting it)' : FINISH;
  return { kind: 'refuse', found, next: lives ? `wait for ${holder}, then ${finish}` : finish };
}

function decideHeld(record: TurnRecord, asking: Asking, gone: Processes['gone']): TurnDecision {
  const { holder, open, process } = record;
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
  return { kind: 'observe', holder };
}

/** The record after the turn was taken for a node. */
export function takenRecord(
  record: TurnRecord | undefined,
  asking: Asking,
  process: Holder,
  open: OpenNode,
  seconds: number,
): TurnRecord {
  return {
    ...record,
    holder: asking.holder,
    run: asking.run,
    process,
    renewedAt: asking.now,
    acquiredAt: record?.holder === asking.holder ? record.acquiredAt : asking.now,
    seconds,
    open,
    transitions: (record?.transitions ?? 0) + (record && record.holder !== asking.holder ? 1 : 0),
  };
}
