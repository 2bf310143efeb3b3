import type { Linstor } from '../clients/linstor.js';
import { LinstorUnreachable } from '../clients/linstor.js';
import type { LinstorNode } from '../clients/linstorTypes.js';
import { hasFlag } from '../checks/linstorRules.js';
import { DEFAULT_SETTINGS } from '../settings.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { WaitTimeout } from '../runtime/waiting.js';
import { waitFor, type Step } from '../step.js';

/** LINSTOR has no event for a synchronisation's progress nor for a satellite that comes or goes: it has to be polled. */
export const LINSTOR_POLL = 1_000;

/** The controller to ask; undefined, and said so, where the cluster has none or the guard is switched off explicitly. */
export function guardedLinstor(step: Step): Linstor | undefined {
  const { linstor } = step.session;
  if (!linstor) step.report('this cluster has no LINSTOR: nothing to guard');
  else if (!step.settings.linstorGuardEnabled)
    step.report('the LINSTOR guard is switched off (linstorGuardEnabled): not asked');
  return step.settings.linstorGuardEnabled ? linstor : undefined;
}

/** Seconds for which a controller may stay silent before that counts as unsafe. */
export function reachTimeout(step: Step): number {
  return step.settings.linstorReachTimeout ?? DEFAULT_SETTINGS.linstorReachTimeout;
}

/**
 * Asks the controller, again while it does not answer: the drain may just have moved its pod.
 * @throws Stop when it stays silent for `seconds`.
 */
export async function reach<T>(step: Step, seconds: number, ask: () => Promise<T>): Promise<T> {
  try {
    return await waitFor<T>(step, {
      timeout: seconds,
      every: LINSTOR_POLL,
      look: async () => {
        try {
          return { done: await ask() };
        } catch (error) {
          if (error instanceof LinstorUnreachable) return { waiting: messageOf(error) };
          throw error;
        }
      },
    });
  } catch (error) {
    if (error instanceof WaitTimeout) throw unreachable(error.waiting, seconds);
    throw error;
  }
}

export function unreachable(found: string, seconds: number): Stop {
  return new Stop(
    'an answer from the LINSTOR controller (a silent one counts as unsafe)',
    `${found}, for ${seconds} s`,
  );
}

/** Tells for how long the controller has been silent, over the looks of one wait. */
export class Silence {
  private since: number | undefined;

  constructor(private readonly step: Step) {}

  /** Runs one look; a silent controller is waited for, but not longer than the reach timeout. @throws Stop then. */
  async tolerate<T>(look: () => Promise<T>): Promise<T | { waiting: string }> {
    const { clock } = this.step.ctx;
    try {
      const found = await look();
      this.since = undefined;
      return found;
    } catch (error) {
      if (!(error instanceof LinstorUnreachable)) throw error;
      this.since ??= clock.now();
      const limit = reachTimeout(this.step);
      if (clock.now() - this.since >= limit * 1000) throw unreachable(messageOf(error), limit);
      return { waiting: 'the LINSTOR controller does not answer' };
    }
  }
}

/** @throws Stop for a node that LINSTOR itself has given up: its replicas are inactive, and only a person knows why. */
export function refuseEvicted(node: LinstorNode): void {
  if (!hasFlag(node, 'EVICTED')) return;
  const next = `look into why LINSTOR evicted it, then linstor node restore ${node.name}, then npx prox-ops roll`;
  throw new Stop(`LINSTOR node ${node.name} not evicted`, `flags ${node.flags?.join(', ')}`, next);
}

/** A list for people: long ones are cut. */
export function listed(items: string[], most = 5): string {
  const more = items.length > most ? `; and ${items.length - most} more` : '';
  return items.slice(0, most).join('; ') + more;
}
