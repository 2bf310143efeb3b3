import { Problem } from '../problem';
import { rule, type Rule } from './rule';

/** Rollouts that start by themselves. */
export const AUTOMATION_RULES: Rule[] = [
  rule(['automation'], ({ automation: { runners } }) => {
    if (!runners || runners.minimum <= runners.maximum) return [];
    const expected = `at least minimum = ${runners.minimum}`;
    return [new Problem(['automation', 'runners', 'maximum'], expected, `${runners.maximum}`)];
  }),

  // Their service accounts are bound to the driver's roles, which that add-on makes.
  rule(['automation', 'addons'], ({ automation, addons }) => {
    const [who] = (['runners', 'trigger'] as const).filter((name) => automation[name] !== undefined);
    if (who === undefined || addons.driverAccess) return [];
    return [new Problem(['addons', 'driverAccess'], `true, because automation.${who} is set`, 'false')];
  }),
];
