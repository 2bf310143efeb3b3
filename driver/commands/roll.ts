import { confirmed } from '../ask';
import { SETTINGS } from '../../config/overrides';
import type { NodeConfig } from '../../config/schema';
import { packsFor, type PolicyOptions } from '../check/packs';
import { CommandError, type ExitCode } from '../exit';
import type { RollPlan } from '../plan';
import { ownNode } from '../ownNode';
import { openStack } from '../project';
import { roll } from '../roll';
import { inSession } from '../session';
import { settingsFrom } from '../settings';
import type { StrategyOptions } from '../strategy';
import { planText } from '../planView';
import { projectFrom, type RunOptions } from './options';

export interface RollCommandOptions extends RunOptions, PolicyOptions, StrategyOptions {
  nodes?: string[];
  role?: NodeConfig['role'];
  maxNodes?: number;
  parallel?: number;
  onNode?: string;
  suspendFlux?: string[];
  set?: string[];
  yes?: boolean;
}

/** `prox-ops roll` and `prox-ops resume`, and `prox-ops upgrade`, which is a roll of its own strategy. */
export async function rollCommand(options: RollCommandOptions, command = 'roll'): Promise<ExitCode> {
  const project = projectFrom(options);
  if (options.yes !== true && !process.stdin.isTTY)
    throw new CommandError('Not confirmed. Expected --yes when nobody can be asked (no terminal), found neither.');
  const stack = await openStack(project);
  // Whoever calls it: a pod knows its node from its environment.
  const own = options.onNode ?? ownNode();
  // For the program as well, which the engine starts with our environment.
  if (options.set) process.env[SETTINGS] = JSON.stringify(settingsFrom(options.set));
  return inSession({ project, stack, command, options }, (session) =>
    roll({
      stack,
      ...session,
      command,
      ...(options.strategy && { strategy: options.strategy }),
      ...(options.approveMajor === true && { approveMajor: true }),
      ...(options.nodes && { nodes: options.nodes }),
      ...(options.role && { role: options.role }),
      ...(options.maxNodes !== undefined && { maxNodes: options.maxNodes }),
      ...(options.parallel !== undefined && { parallel: options.parallel }),
      ...(own !== undefined && { ownNode: own }),
      ...(options.suspendFlux && { suspendFlux: options.suspendFlux }),
      policyPacks: packsFor(options, session.log),
      confirm: (plan) => session.aside(() => confirm(plan, options)),
    }),
  );
}

/** The plan is shown before anybody is asked; off a terminal it goes to the log alone. */
async function confirm(plan: RollPlan, { yes = false, parallel = 1 }: RollCommandOptions): Promise<boolean> {
  if (!yes) process.stdout.write(`${planText(plan, undefined, parallel)}\n`);
  const inPlace = plan.nodes.filter(({ action }) => action === 'upgrade').length;
  const updated = plan.nodes.filter(({ action, part }) => action === 'kubernetes' && part === 'kubelet').length;
  const others = plan.nodes.filter(({ action }) => action !== 'upgrade' && action !== 'kubernetes').length;
  const what = [
    ...(others > 0 || inPlace + updated === 0 ? [`replace ${others}`] : []),
    ...(inPlace > 0 ? [`upgrade ${inPlace}`] : []),
    ...(updated > 0 ? [`change Kubernetes of ${updated}`] : []),
  ];
  const most = parallel > 1 ? `up to ${parallel} workers at the same time` : 'one at a time';
  const question = `${what.join(' and ')} node(s), ${most}?`;
  return confirmed(question.charAt(0).toUpperCase() + question.slice(1), 'yes', yes);
}
