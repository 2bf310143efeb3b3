import type { StackConfig } from '../../config/schema';
import { loadConfig } from '../../config/load';

/**
 * The stack file's facts, which the engine hands to a policy pack as it does to the program.
 * @returns undefined for a stack that is no cluster (the state bucket's).
 */
export function stackFacts(): StackConfig | undefined {
  return loadConfig();
}
