import { confirmed } from '../ask';
import { packsFor, type PolicyOptions } from '../check/packs';
import { CommandError, type ExitCode } from '../exit';
import type { RollPlan } from '../plan';
import { openStack } from '../project';
import { roll } from '../roll';
import { inSession } from '../session';
import { planText } from '../planView';
import { projectFrom, type RunOptions } from './options';

export interface RollCommandOptions extends RunOptions, PolicyOptions {
  nodes?: string[];
  maxNodes?: number;
  yes?: boolean;
}

/** `prox-ops roll` and `prox-ops resume`. */
export async function rollCommand(options: RollCommandOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  if (options.yes !== true && !process.stdin.isTTY)
    throw new CommandError('Not confirmed. Expected --yes when nobody can be asked (no terminal), found neither.');
  const stack = await openStack(project);
  return inSession({ project, stack, command: 'roll', options }, (session) =>
    roll({
      stack,
      ...session,
      ...(options.nodes && { nodes: options.nodes }),
      ...(options.maxNodes !== undefined && { maxNodes: options.maxNodes }),
      policyPacks: packsFor(options, session.log),
      confirm: (plan) => session.aside(() => confirm(plan, options.yes === true)),
    }),
  );
}

/** The plan is shown before anybody is asked; off a terminal it goes to the log alone. */
async function confirm(plan: RollPlan, yes: boolean): Promise<boolean> {
  if (!yes) process.stdout.write(`${planText(plan)}\n`);
  return confirmed(`Replace ${plan.nodes.length} node(s), one at a time?`, 'yes', yes);
}
