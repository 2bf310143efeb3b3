import type { Bracket, BracketInputs } from './contract.js';
import type { InPlaceOptions, InPlacePhase } from './inPlace.js';
import { OWN_RUN } from './step.js';
import { leave } from './steps.js';

const LEAVES: [InPlacePhase, Bracket][] = [
  ['turn', 'turn'],
  ['drain', 'drain'],
  ['evacuate', 'evacuation'],
];

/**
 * Takes one worker of a batch out of service: the turn, drained, its replicas moved. Its VM stands. It is this process'
 * work and not the engine's, which would do it to several nodes at once: so budgets and LINSTOR meet one node at a time.
 * The engine goes through the same steps again before the VM goes, and finds them done. `abortInPlace` brings the node back.
 * Returns early when the signal of `ctx` is aborted. @throws StepError; what had been done before stays.
 */
export async function takeOut(inputs: BracketInputs, { ctx, deps, onPhase }: InPlaceOptions): Promise<void> {
  for (const [phase, bracket] of LEAVES) {
    if (ctx?.signal?.aborted === true && phase !== 'turn') return;
    onPhase?.(phase, 'started');
    try {
      await leave(bracket, inputs, ctx, { ...OWN_RUN, ...deps });
      onPhase?.(phase, 'finished');
    } catch (error) {
      onPhase?.(phase, 'failed');
      throw error;
    }
  }
}
