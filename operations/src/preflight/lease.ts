import { openNodes, type TurnRecord } from '../actions/turnRecord.js';
import type { Processes } from '../runtime/processes.js';
import { blocker, warning, type Finding } from './finding.js';

const OBJECT = 'the rollout lease';

/** Who holds the cluster's lease, and which node an earlier run left out. */
export function leaseFindings(record: TurnRecord | undefined, now: number, gone: Processes['gone']): Finding[] {
  return record ? [...holder(record, now, gone), ...leftOut(record)] : [];
}

/** Another run is at work, as far as that can be known from here. */
export function isHeld(record: TurnRecord | undefined, now: number, gone: Processes['gone']): boolean {
  if (!record || record.holder === '') return false;
  const proof = record.process && gone(record.process);
  return proof === false || (proof === undefined && now - record.renewedAt < record.seconds * 1000);
}

function holder(record: TurnRecord, now: number, gone: Processes['gone']): Finding[] {
  if (record.holder === '') return [];
  const age = `renewed ${Math.max(0, Math.round((now - record.renewedAt) / 1000))} s ago`;
  const found = `held by ${record.holder}, run ${record.run || 'unknown'}, ${age}`;
  const about = { topic: 'lock', object: OBJECT, expected: 'nobody else at work', found } as const;
  if (isHeld(record, now, gone)) return [blocker({ ...about, remedy: 'wait until that run has ended, or stop it' })];
  return [
    warning({ ...about, remedy: 'that run is gone or silent: a roll takes the lease over once that is certain' }),
  ];
}

function leftOut(record: TurnRecord): Finding[] {
  return openNodes(record).map(({ node, step }) =>
    warning({
      topic: 'lock',
      object: `node ${node}`,
      expected: 'no node out of the cluster',
      found: `left out by run ${record.run || 'unknown'} (last step: ${step})`,
      remedy: 'a roll finishes it or puts it back before anything else; prox-ops abort puts it back alone',
    }),
  );
}
