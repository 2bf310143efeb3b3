import { brokenBefore, standInTheWay } from '../actions/before.js';
import type { HealthReport } from '../checks/runner.js';
import { blocker, warning, type Finding } from './finding.js';

/** What is broken before the rollout: each turn looks again, and begins only where the storage is well. */
export function healthFindings(health: HealthReport): Finding[] {
  return [
    ...standInTheWay(health).map(({ id, expected, found }) =>
      blocker({ topic: 'health', object: id, expected, found, remedy: 'mend it first: prox-ops health shows it' }),
    ),
    ...brokenBefore(health).map(({ id, expected, found }) =>
      warning({
        topic: 'health',
        object: id,
        expected,
        found,
        remedy: 'not held against a node that is replaced; mend it before if it should be',
      }),
    ),
  ];
}
