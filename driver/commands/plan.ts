import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { batchesOf } from '../batches';
import { addSummary } from '../ci/job';
import { CommandError, ExitCode } from '../exit';
import { ownNode } from '../ownNode';
import { planRoll, type RollPlan } from '../plan';
import { planMarkdown } from '../planMarkdown';
import { lookAround, outlookOf, type Outlook, type Surroundings } from '../planOutlook';
import { planJson, planText } from '../planView';
import { openStack } from '../project';
import { withStrategy, type StrategyOptions } from '../strategy';
import { projectFrom, type CommonOptions } from './options';

export interface PlanCommandOptions extends CommonOptions, StrategyOptions {
  nodes?: string[];
  /** At most so many workers at the same time; one when absent. */
  parallel?: number;
  /** Files to write, each in the format of its ending. */
  out?: string[];
}

const FORMATS: Record<string, (stack: string, plan: RollPlan, outlook: Outlook) => string> = {
  '.json': (stack, plan, outlook) => `${JSON.stringify(planJson(stack, plan, outlook), null, 2)}\n`,
  '.md': planMarkdown,
  '.txt': (_, plan, outlook) => `${planText(plan, outlook)}\n`,
};

/** `prox-ops plan`: what a roll would do, and what stands in its way. Changes nothing. */
export async function planCommand(options: PlanCommandOptions): Promise<ExitCode> {
  const files = options.out ?? [];
  for (const file of files)
    if (!(extname(file) in FORMATS))
      throw new CommandError(`--out: expected a file ending in ${Object.keys(FORMATS).join(', ')}, found ${file}.`);
  const stack = await openStack(projectFrom(options));
  const [whole, around] = await Promise.all([planRoll(stack), lookAround(stack)]);
  const narrow = narrowed(whole, options.nodes);
  const plan = { ...narrow, nodes: withStrategy(narrow.nodes, around.config, options) };
  const outlook = { ...(await outlookOf(stack, plan, around)), ...together(plan, around, options.parallel) };
  const as = (ending: string) => FORMATS[ending]?.(stack.name, plan, outlook) ?? '';
  for (const file of files) await writeFile(file, as(extname(file)));
  addSummary(planMarkdown(stack.name, plan, outlook));
  process.stdout.write(as(options.json === true ? '.json' : '.txt'));
  return outlook.blockers.length > 0 ? ExitCode.blocked : ExitCode.ok;
}

/** Which of the turns would go together, by the cluster as it is now. */
function together(plan: RollPlan, around: Surroundings, parallel = 1): Pick<Outlook, 'together'> {
  if (parallel < 2) return {};
  return { together: { parallel, batches: batchesOf(plan.nodes, around, { parallel, ownNode: ownNode() }) } };
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
