import type { PolicyReport } from './check';
import { byNode, CLUSTER, inOrder, summary } from './grouped';
import { markdownTable, shortened } from '../views/markdown';
import { ACTIONS, type PlannedChange } from './plannedChanges';
import { place } from './text';
import type { Lines } from './where';

/** Paths of one resource that are named; a change of a machine's description can have dozens. */
const PATHS = 4;

/** The report for GitHub's step summary and a pull request's comment: what would change, and what is wrong with it. */
export function markdownReport(report: PolicyReport, lines: Lines): string {
  const head = `### Policies: ${report.stack}\n\n${summary(report)}.\n`;
  const parts = [head, findings(report, lines), changes(report)];
  return shortened(parts.filter((part) => part !== '').join('\n'), '`npx prox-ops check`');
}

function findings(report: PolicyReport, lines: Lines): string {
  const rows = byNode(report.findings).flatMap(([node, list]) =>
    list.map(({ level, policy, message }) => [
      node,
      level === 'mandatory' ? '❌' : 'ℹ️',
      `\`${policy}\``,
      message,
      `\`${place(lines, node)}\``,
    ]),
  );
  return rows.length === 0 ? '' : markdownTable(['Node', '', 'Policy', 'What to change', 'Where'], rows);
}

/** Folded: a first build creates everything there is. */
function changes({ changes: planned, resources }: PolicyReport): string {
  const counts = ACTIONS.map(
    (action) => [action, planned.filter((change) => change.action === action).length] as const,
  );
  const text = counts
    .flatMap(([action, count]) =>
      count === 0 ? [] : [action === 'other' ? `${count} other` : `${count} to ${action}`],
    )
    .join(', ');
  if (text === '') return `#### Changes\n\nNone of ${resources} resources.\n`;
  const rows = changesByNode(planned).map(([node, list]) => [
    node,
    ACTIONS.flatMap((action) => {
      const found = list.filter((change) => change.action === action);
      return found.length === 0 ? [] : [`**${action}** ${found.map(described).join(', ')}`];
    }).join('\n'),
  ]);
  const body = markdownTable(['Node', 'Changes'], rows);
  return `#### Changes\n\n<details><summary>${text}</summary>\n\n${body}\n</details>\n`;
}

function changesByNode(planned: PlannedChange[]): [node: string, changes: PlannedChange[]][] {
  const groups = new Map<string, PlannedChange[]>();
  for (const change of planned) {
    const node = change.node ?? CLUSTER;
    groups.set(node, [...(groups.get(node) ?? []), change]);
  }
  return inOrder([...groups]);
}

/** `vm (description, clone)`: a node's resources bear its name in front. */
function described({ name, node, paths }: PlannedChange): string {
  const own = node !== undefined && name.startsWith(`${node}-`) ? name.slice(node.length + 1) : name;
  if (paths.length === 0) return own;
  const more = paths.length > PATHS ? `, ${paths.length - PATHS} more` : '';
  return `${own} (${paths.slice(0, PATHS).join(', ')}${more})`;
}
