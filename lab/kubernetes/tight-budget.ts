import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import type { World } from '../world/world.js';
import { ifExists } from './connection.js';
import { WEB } from './names.js';
import type { Session } from './session.js';

const PATH = `/apis/policy/v1/namespaces/${WEB.namespace}/poddisruptionbudgets/${WEB.name}`;

/**
 * The fault pdb-never-allows: the web workload's own budget allows nothing while it lasts. Not a second budget beside
 * it, because the API answers the eviction of a pod that two budgets select with 500, which is another failure.
 */
export function keepBudget(world: World, session: Session): void {
  const apply = (): void => {
    const maxUnavailable = world.faults.has('pdb-never-allows') ? 0 : 1;
    ifExists(session.connection.patch(PATH, 'merge', { spec: { maxUnavailable } })).catch((error: unknown) => {
      if (session.signal.aborted) return;
      world.events.emit({ type: 'lab.failure', part: 'pdb-never-allows', message: String(error) });
    });
  };
  const stop = world.faults.onChange(({ name }) => {
    if (name === 'pdb-never-allows') apply();
  });
  session.signal.addEventListener('abort', stop, { once: true });
  session.onBudget((budget) => {
    if (isWeb(budget) && world.faults.has('pdb-never-allows') && budget.spec?.maxUnavailable !== 0) apply();
  });
}

function isWeb({ metadata }: V1PodDisruptionBudget): boolean {
  return metadata?.namespace === WEB.namespace && metadata.name === WEB.name;
}
