import type { Finding } from '@prox-ops/operations';
import type { PlannedNode, RollPlan } from './plan';
import type { Outlook } from './planOutlook';
import { duration, fromTo } from './views/format';
import { markdownTable, shortened } from './views/markdown';
import { vmEffects } from './vmEffects';

/** The plan for GitHub: a pull request's comment and the summary of a step. What blocks it comes first. */
export function planMarkdown(stack: string, plan: RollPlan, outlook: Outlook): string {
  const { blockers, warnings } = outlook;
  const parts = [
    `### Plan: ${stack}\n\n${headline(plan, outlook)}\n`,
    ...(blockers.length > 0 ? [`#### Blockers\n\n${findings(blockers)}`] : []),
    ...(plan.nodes.length > 0 ? [nodes(plan.nodes, outlook)] : []),
    ...together(outlook),
    ...others(plan),
    ...(warnings.length > 0 ? [folded(`${warnings.length} warning(s)`, findings(warnings))] : []),
  ];
  return shortened(parts.join('\n'), '`npx prox-ops plan`');
}

function headline({ nodes: turns, prepare, inPlace }: RollPlan, outlook: Outlook): string {
  const { blockers, expected } = outlook;
  if (turns.length + prepare.length + inPlace.length === 0)
    return '✅ Nothing to do: every node is as the stack file says.';
  const times = turns.map(({ name }) => expected[name]?.ms);
  const total = times.every((ms) => ms !== undefined) ? times.reduce((sum, ms) => sum + ms, 0) : undefined;
  const kept = turns.filter(({ action }) => action === 'upgrade').length;
  // Of a node's two turns, the kubelet's is the one that every node has.
  const updated = turns.filter(({ part }) => part === 'kubelet').length;
  const replaced = turns.filter(({ action }) => action !== 'upgrade' && action !== 'kubernetes').length;
  const kubernetes = updated === 0 ? '' : `, ${updated} to get another Kubernetes in place`;
  const what = `${replaced} node(s) to replace, ${kept} to upgrade in place${kubernetes}`;
  const long = total === undefined || turns.length === 0 ? '' : `, about ${duration(total)}`;
  const verdict = blockers.length === 0 ? '✅ ready' : `❌ blocked by ${blockers.length}`;
  const { parallel } = outlook.together ?? {};
  const most = parallel === undefined ? 'one at a time' : `up to ${parallel} workers at a time, as was asked for`;
  return `**${verdict}**: ${what}${long}, ${most}.`;
}

function nodes(turns: PlannedNode[], { expected }: Outlook): string {
  const rows = turns.map(({ name, role, vmId, from, to, action, why }, index) => {
    const { ms } = expected[name] ?? {};
    const took = ms === undefined ? '?' : duration(ms);
    return [`${index + 1}`, name, role, `${vmId ?? ''}`, fromTo(from, to), action, why.join(', '), took];
  });
  return markdownTable(['', 'Node', 'Role', 'VM', 'Talos', 'Action', 'Why', 'Expected'], rows);
}

function together({ together: asked }: Outlook): string[] {
  if (!asked) return [];
  const rows = asked.batches.map(({ nodes, alone }, index) => {
    return [`${index + 1}`, nodes.map(({ name }) => name).join(', '), alone ?? ''];
  });
  return [markdownTable(['', 'At the same time', 'Why alone'], rows)];
}

function others({ prepare, inPlace }: RollPlan): string[] {
  const lines = [
    ...(prepare.length > 0 ? [`- First: ${prepare.length} template, image and other resource(s).`] : []),
    ...(inPlace.length > 0 ? [`- At the end, without a turn: ${inPlace.length} resource(s).`] : []),
    ...vmEffects(inPlace).map(({ vm, effect, why }) => `- ${vm} ${effect}: ${why.join(', ')}`),
  ];
  return lines.length === 0 ? [] : [`${lines.join('\n')}\n`];
}

function findings(list: Finding[]): string {
  const rows = list.map(({ node, object, expected, found, remedy }) => [node ?? '', object, expected, found, remedy]);
  return markdownTable(['Node', 'What', 'Expected', 'Found', 'What to do'], rows);
}

function folded(title: string, text: string): string {
  return `<details><summary>${title}</summary>\n\n${text}\n</details>\n`;
}
