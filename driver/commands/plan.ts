import { CommandError, ExitCode } from '../exit';
import { planRoll, type RollPlan } from '../plan';
import { lookAround, outlookOf } from '../planOutlook';
import { planJson, planText } from '../planView';
import { openStack } from '../project';
import { withStrategy, type StrategyOptions } from '../strategy';
import { projectFrom, type CommonOptions } from './options';

export interface PlanCommandOptions extends CommonOptions, StrategyOptions {
  nodes?: string[];
}

/** `prox-ops plan`: what a roll would do, and what stands in its way. Changes nothing. */
export async function planCommand(options: PlanCommandOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const [whole, around] = await Promise.all([planRoll(stack), lookAround(stack)]);
  const narrow = narrowed(whole, options.nodes);
  const plan = { ...narrow, nodes: withStrategy(narrow.nodes, around.config, options) };
  const outlook = await outlookOf(stack, plan, around);
  const json = () => JSON.stringify(planJson(stack.name, plan, outlook), null, 2);
  process.stdout.write(`${options.json === true ? json() : planText(plan, outlook)}\n`);
  return outlook.blockers.length > 0 ? ExitCode.blocked : ExitCode.ok;
}

function narrowed(plan: RollPlan, names: string[] | undefined): RollPlan {
  if (!names) return plan;
  const unknown = names.filter((name) => !plan.nodes.some((node) => node.name === name));
  if (unknown.length > 0) {
    const known = plan.nodes.map((node) => node.name).join(', ') || 'none';
    throw new CommandError(`--nodes: expected nodes that need a turn (${known}), found ${unknown.join(', ')}.`);
  }
  return { ...plan, nodes: plan.nodes.filter(({ name }) => names.includes(name)) };
}
