import Table from 'cli-table3';
import { bytesText } from '../views/format';
import type { Leftover } from './leftover';
import type { Survey } from './survey';

/** The survey for people: what there is, how large and how old, and how that is known. */
export function surveyText({ leftovers, unknown }: Survey, now: Date): string {
  const lines: string[] = [];
  if (leftovers.length > 0) lines.push(tableText(leftovers, now));
  const orphans = leftovers.filter(({ verdict }) => verdict === 'orphan');
  const size = orphans.reduce((sum, leftover) => sum + (leftover.size ?? 0), 0);
  lines.push(orphans.length === 0 ? 'No orphan.' : `${orphans.length} orphan(s), ${bytesText(size)}.`);
  for (const { kind, name, remedy } of leftovers)
    if (remedy !== undefined) lines.push(`${kind} ${name}: not deleted here. To settle it: ${remedy}`);
  for (const source of unknown) lines.push(`Unknown, not asked any further: ${source}`);
  return lines.join('\n');
}

function tableText(leftovers: Leftover[], now: Date): string {
  const table = new Table({
    head: ['', 'what', 'kind', 'where', 'size', 'age', 'evidence'],
    style: { head: [], border: [], compact: true },
  });
  for (const { verdict, name, kind, where, size, created, evidence } of leftovers)
    table.push([verdict, name, kind, where, size === undefined ? '' : bytesText(size), age(created, now), evidence]);
  return table.toString();
}

function age(created: number | undefined, now: Date): string {
  if (created === undefined) return '';
  const days = Math.floor((now.getTime() / 1000 - created) / 86_400);
  return `${Math.max(days, 0)} d, ${new Date(created * 1000).toISOString().slice(0, 10)}`;
}
