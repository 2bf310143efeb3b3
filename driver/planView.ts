import type { Finding } from '@prox-ops/operations';
import Table from 'cli-table3';
import type { PlannedNode, RollPlan } from './plan';
import type { PlannedBatch } from './batches';
import type { AtOnce, Outlook } from './planOutlook';
import { duration, fromTo } from './views/format';
import { vmEffects } from './vmEffects';

/** Version of the shape that `prox-ops plan --json` prints (docs/plan.md); raised when a field changes its meaning. */
const SHAPE = 1;

export function planJson(stack: string, plan: RollPlan, outlook: Outlook): object {
  const brief = ({ urn, ops }: { urn: string; ops: string[] }) => ({ urn, ops });
  const nodes = plan.nodes.map(({ name, role, vmId, from, to, action, why }, index) => ({
    order: index + 1,
    name,
    role,
    vmId,
    from,
    to,
    action,
    why,
    expected: outlook.expected[name],
    replicas: outlook.replicas[name],
  }));
  return {
    version: SHAPE,
    stack,
    ready: outlook.blockers.length === 0,
    nodes,
    prepare: plan.prepare.map(brief),
    inPlace: plan.inPlace.map(brief),
    effects: vmEffects(plan.inPlace),
    blockers: outlook.blockers,
    warnings: outlook.warnings,
    ...(outlook.together && { parallel: outlook.together.parallel, batches: outlook.together.batches.map(batchJson) }),
  };
}

function batchJson({ nodes, alone }: PlannedBatch): object {
  return { nodes: nodes.map(({ name }) => name), ...(alone !== undefined && { alone }) };
}

/** The plan for a person. Without an outlook: what changes, in which order and why. */
export function planText(plan: RollPlan, outlook?: Outlook, parallel = outlook?.together?.parallel ?? 1): string {
  const nothing = plan.nodes.length === 0 && plan.prepare.length === 0 && plan.inPlace.length === 0;
  const lines = nothing ? ['Nothing to do: every node is as the stack file says.'] : changes(plan, outlook, parallel);
  return [...lines, ...(outlook ? verdict(outlook, nothing) : [])].join('\n');
}

function changes(plan: RollPlan, outlook: Outlook | undefined, parallel: number): string[] {
  const lines: string[] = [];
  if (plan.prepare.length > 0) lines.push(`First: ${plan.prepare.length} template, image and other resource(s).`);
  if (plan.nodes.length > 0) {
    lines.push(nodesTable(plan.nodes, outlook), orderText(plan.nodes, parallel), ...batchLines(outlook?.together));
    if (outlook) lines.push(...bases(plan.nodes, outlook));
  }
  if (plan.inPlace.length > 0) lines.push(`At the end, without a turn: ${plan.inPlace.length} resource(s).`);
  for (const { vm, effect, why } of vmEffects(plan.inPlace)) lines.push(`  ${vm} ${effect}: ${why.join(', ')}`);
  return lines;
}

function nodesTable(nodes: PlannedNode[], outlook: Outlook | undefined): string {
  const table = new Table({
    head: ['', 'node', 'role', 'VM', 'release', 'action', 'why', ...(outlook ? ['expected'] : [])],
    style: { head: [], border: [], compact: true },
  });
  for (const [index, node] of nodes.entries()) {
    const { ms } = outlook?.expected[node.name] ?? {};
    const expected = outlook ? [ms === undefined ? '?' : duration(ms)] : [];
    const { name, role, vmId, from, to, action, why } = node;
    table.push([index + 1, name, role, vmId, fromTo(from, to), action, why.join(', '), ...expected]);
  }
  return table.toString();
}

function orderText(nodes: PlannedNode[], parallel: number): string {
  const inPlace = nodes.filter(({ action }) => action === 'upgrade' || action === 'kubernetes').length;
  const how = inPlace === 0 ? 'The VM is the point of no return.' : `${inPlace} turn(s) in place: the VM stays.`;
  if (parallel < 2) return `One at a time, in this order. ${how}`;
  return `In this order, up to ${parallel} workers at the same time where nothing speaks against it, as was asked for. ${how}`;
}

/** Which of them go together by what the cluster is like now; a roll looks again before each batch. */
function batchLines(together: AtOnce | undefined): string[] {
  return (together?.batches ?? []).map(({ nodes, alone }, index) => {
    const names = nodes.map(({ name }) => name).join(', ');
    return `  ${index + 1}. ${names}${alone === undefined ? ': at the same time' : ` alone: ${alone}`}`;
  });
}

/** What the expected times rest on, said once for nodes of which the same is true. */
function bases(nodes: PlannedNode[], { expected }: Outlook): string[] {
  const groups = new Map<string, string[]>();
  for (const { name } of nodes) {
    const basis = expected[name]?.basis ?? '';
    groups.set(basis, [...(groups.get(basis) ?? []), name]);
  }
  return [...groups].map(([basis, names]) => `Expected time of ${names.join(', ')}: ${basis}.`);
}

function verdict({ blockers, warnings }: Outlook, nothing: boolean): string[] {
  const lines: string[] = [];
  if (warnings.length > 0) lines.push('', `${warnings.length} warning(s):`, ...warnings.flatMap(findingLines));
  if (blockers.length > 0) lines.push('', `BLOCKED by ${blockers.length}:`, ...blockers.flatMap(findingLines));
  else if (!nothing) lines.push('', 'Ready: nothing stands in the way.');
  return lines;
}

/** As plans and event logs have it. */
type ShownFinding = Omit<Finding, 'node' | 'topic'> & { node?: string | undefined };

/** A finding in three lines: what, expected and found, what to do. */
export function findingLines({ severity, node, object, expected, found, remedy }: ShownFinding): string[] {
  const mark = severity === 'blocker' ? '✗' : '!';
  return [
    `  ${mark} ${node === undefined ? '' : `${node}: `}${object}`,
    `      expected ${expected}; found ${found}`,
    `      -> ${remedy}`,
  ];
}
