import { TalosError, type RebootMode } from '../clients/talos.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { WaitTimeout, type Look } from '../runtime/waiting.js';
import { waitFor, type Step } from '../step.js';
import { fenced } from './turn.js';

/** Longest gap between looks at a machine that reboots, in milliseconds. */
const LOOK_EVERY = 2_000;

/** Reboots the machine through Talos and returns once it has booted anew; whether it is well is the join's question. */
export async function rebootMachine(step: Step, mode: RebootMode): Promise<void> {
  await rebooted(step, () => step.session.talos.reboot(step.node.address, mode));
}

/**
 * Installs another Talos and returns once the machine has booted anew. An installer that fails ends here, with the
 * machine as it was: it is rebooted only into what was installed well.
 */
export async function upgradeMachine(step: Step, image: string): Promise<void> {
  step.report(`installing ${image}`);
  await rebooted(step, () => step.session.talos.upgrade(step.node.address, image));
}

/** The kernel's boot id proves a reboot: the machine API answers before and after it, and may answer while it goes. */
async function rebooted(step: Step, act: () => Promise<void>): Promise<void> {
  const { session, node, settings } = step;
  const before = await session.talos.bootId(node.address);
  await fenced(step, act);
  step.report('the machine reboots');
  const look = async (): Promise<Look<void>> => {
    try {
      const now = await session.talos.bootId(node.address);
      return now === before ? { waiting: 'the machine to reboot' } : { done: undefined };
    } catch (error) {
      if (!(error instanceof TalosError)) throw error;
      return { waiting: `its machine API: ${messageOf(error)}` };
    }
  };
  try {
    await waitFor(step, { timeout: settings.nodeReadyTimeout, every: LOOK_EVERY, look });
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error;
    throw new Stop(`a new boot of the machine within ${error.seconds} s (nodeReadyTimeout)`, error.waiting);
  }
}
