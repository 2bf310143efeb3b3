import { Problem } from '../problem';
import { rule, type Rule } from './rule';

/** Times that contradict each other. */
export const TIMEOUT_RULES: Rule[] = [
  // The time is shared out among the tries, and each must have room for every pass it needs.
  rule(['rollout'], ({ rollout: { healthCheckTimeout, healthTimeout, healthPasses, healthTries } }) => {
    const needed = healthTries * healthPasses * healthCheckTimeout;
    if (healthTimeout >= needed) return [];
    const expected = `at least healthTries x healthPasses x healthCheckTimeout = ${needed} s`;
    return [new Problem(['rollout', 'healthTimeout'], expected, `${healthTimeout} s`)];
  }),
];
