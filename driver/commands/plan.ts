import Table from 'cli-table3';
import { ExitCode } from '../exit';
import { planRoll, type RollPlan } from '../plan';
import { openStack } from '../project';
import { fromTo } from '../views/format';
import { vmEffects } from '../vmEffects';
import { projectFrom, type CommonOptions } from './options';

/** `prox-ops plan`: what a roll would do. Changes nothing. */
export async function planCommand(options: CommonOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const plan = await planRoll(stack);
  process.stdout.write(options.json === true ? `${JSON.stringify(planJson(plan), null, 2)}\n` : `${planText(plan)}\n`);
  return ExitCode.ok;
}

function planJson(plan: RollPlan): object {
  const brief = ({ urn, ops }: { urn: string; ops: string[] }) => ({ urn, ops });
  const nodes = plan.nodes.map(({ name, role, vmId, from, to, action, why }) => ({
    name,
    role,
    vmId,
    from,
    to,
    action,
    why,
  }));
  return {
    nodes,
    prepare: plan.prepare.map(brief),
    inPlace: plan.inPlace.map(brief),
    effects: vmEffects(plan.inPlace),
  };
}

export function planText(plan: RollPlan): string {
  if (plan.nodes.length === 0 && plan.prepare.length === 0 && plan.inPlace.length === 0)
    return 'Nothing to do: every node is as the stack file says.';
  const lines: string[] = [];
  if (plan.prepare.length > 0) lines.push(`First: ${plan.prepare.length} template, image and other resource(s).`);
  if (plan.nodes.length > 0)
    lines.push(nodesTable(plan), 'One at a time, in this order. The VM is the point of no return.');
  if (plan.inPlace.length > 0) lines.push(`At the end, without a turn: ${plan.inPlace.length} resource(s).`);
  for (const { vm, effect, why } of vmEffects(plan.inPlace)) lines.push(`  ${vm} ${effect}: ${why.join(', ')}`);
  return lines.join('\n');
}

function nodesTable(plan: RollPlan): string {
  const table = new Table({
    head: ['', 'node', 'role', 'VM', 'release', 'action', 'why'],
    style: { head: [], border: [], compact: true },
  });
  for (const [index, node] of plan.nodes.entries())
    table.push([
      index + 1,
      node.name,
      node.role,
      node.vmId,
      fromTo(node.from, node.to),
      node.action,
      node.why.join(', '),
    ]);
  return table.toString();
}
