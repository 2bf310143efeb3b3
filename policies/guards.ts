import { excuse, type Exception } from '../config/exceptions';
import { resourcePolicy } from './support/define';
import { exceptionsSchema } from './support/exceptionsSchema';
import { nodeNameOf } from './support/nodes';
import { EVACUATION, TURN } from './support/types';

interface GuardConfig {
  minimumHealthPasses?: number;
  exceptions?: Exception[];
}

interface BracketSettings {
  linstorGuardEnabled?: boolean;
  healthPasses?: number;
}

export const noDisabledGuard = resourcePolicy(
  {
    name: 'no-disabled-guard',
    description: 'A guard that was switched off once stays off: the next rollout deletes what it was there for.',
    config: {
      properties: { minimumHealthPasses: { type: 'integer', default: 1, minimum: 1 }, exceptions: exceptionsSchema },
    },
  },
  [EVACUATION, TURN],
  ({ resource, report }) => {
    const settings = (resource.props.settings ?? {}) as BracketSettings;
    const { exceptions, minimumHealthPasses = 1 } = resource.getConfig<GuardConfig>();
    const name = nodeNameOf(resource);
    for (const { guard, problem } of disabled(resource.type, settings, minimumHealthPasses)) {
      const verdict = excuse(exceptions, guard);
      if (verdict.excused) continue;
      report(
        `${name}: ${problem} (${verdict.hint}). Set it back in the stack file, or name an exception with reason, name and ` +
          `last day under no-disabled-guard.exceptions in the policy configuration.`,
      );
    }
  },
);

function disabled(type: string, settings: BracketSettings, minimum: number): { guard: string; problem: string }[] {
  const problems: { guard: string; problem: string }[] = [];
  if (type === EVACUATION && settings.linstorGuardEnabled === false)
    problems.push({ guard: 'linstor', problem: 'expected linstor.guardEnabled, found it switched off' });
  const { healthPasses } = settings;
  if (type === TURN && healthPasses !== undefined && healthPasses < minimum)
    problems.push({
      guard: 'health',
      problem: `expected at least ${minimum} passes of the health checks in rollout.healthPasses, found ${healthPasses}`,
    });
  return problems;
}
