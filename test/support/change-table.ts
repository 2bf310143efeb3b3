import type { ConfigChange } from './config-changes';
import type { Effects } from './change-effects';

/** A change and what the engine would do with it. */
export interface Row {
  change: ConfigChange;
  effects: Effects;
}

const NEITHER = 'neither';

/** Whether the page says of the change that it replaces and reboots nothing. */
export function isCalledNeither(page: string, { key, what }: ConfigChange): boolean {
  const cells = page.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  return cells.some(([, ...row]) => row[0] === `\`${key}\`` && row[1] === what && row[2] === NEITHER);
}

/** One table a topic, in Markdown. @param groups names for sets of nodes, `every worker`; any other single node is "the node" */
export function changeTables(topics: [title: string, rows: Row[]][], groups: Map<string, string[]>): string {
  return topics.map(([title, rows]) => `### ${title}\n\n${table(rows, groups)}`).join('\n\n');
}

function table(rows: Row[], groups: Map<string, string[]>): string {
  const cells = rows.map(({ change, effects }) => [
    `\`${change.key}\``,
    change.what,
    verdict(effects, groups),
    [...details(effects, groups), ...(change.notMade === undefined ? [] : [change.notMade])].join('; '),
  ]);
  return aligned([['key', 'change', 'effect', 'besides'], ...cells]);
}

/** As prettier would put it. */
function aligned([head = [], ...rows]: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function verdict({ refused, disturbed, replaced, added, removed }: Effects, groups: Map<string, string[]>): string {
  if (refused !== undefined) return `**refused**: ${refused}`;
  if (disturbed.length > 0) return `**reboots**: ${disturbed.join('; ')}`;
  if (replaced.length > 0) return `**replaces** ${named(replaced, groups)}`;
  if (added.length > 0) return 'builds the node';
  if (removed.length > 0) return 'takes the node away';
  return NEITHER;
}

function details({ refused, vms, configured, stored, shared }: Effects, groups: Map<string, string[]>): string[] {
  if (refused !== undefined) return [];
  const quiet = vms.nodes.length + configured.length === 0 && stored.length > 0;
  return [
    ...(vms.nodes.length > 0 ? [`VM of ${named(vms.nodes, groups)}, as it runs: ${vms.properties.join(', ')}`] : []),
    ...(configured.length > 0 ? [`configuration of ${named(configured, groups)}, as it runs`] : []),
    ...(quiet ? [`state alone: what the next turn of ${named(stored, groups)} goes by`] : []),
    ...shared,
  ];
}

function named(nodes: string[], groups: Map<string, string[]>): string {
  const same = (group: string[]) => group.length === nodes.length && group.every((node) => nodes.includes(node));
  const found = [...groups].find(([, group]) => same(group));
  if (found) return found[0];
  return nodes.length === 1 ? 'the node' : nodes.join(', ');
}
