import type { StackConfig } from '../../config/schema';
import { configSource, loadConfig } from '../../config/load';

let known: { source: string; facts: StackConfig | undefined } | undefined;

/**
 * The stack file's facts, which the engine hands to a policy pack as it does to the program. Checked once: anew for every
 * policy and resource, the time would grow with the square of the cluster.
 * @returns undefined for a stack that is no cluster (the state bucket's).
 */
export function stackFacts(): StackConfig | undefined {
  const source = configSource();
  if (known?.source !== source) known = { source, facts: loadConfig() };
  return known.facts;
}
