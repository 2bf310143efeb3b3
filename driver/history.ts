import type { Replicas } from '@prox-ops/operations';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ALL_PHASES, type Phase } from './phases';
import { reportOf } from './reports/model';
import type { Recorded } from './events';
import { bytesText } from './views/format';

const MEASURED = ['replaced', 'upgraded', 'updated'] as const;
export type MeasuredOutcome = (typeof MEASURED)[number];

/** A node's turn that an earlier run finished, as it was measured. */
export interface MeasuredTurn {
  run: string;
  role: string;
  outcome: MeasuredOutcome;
  /** Milliseconds of each phase. */
  phases: Partial<Record<Phase, number>>;
  /** Bytes of the replicas that it had to move; absent when that was not known. */
  bytes?: number;
}

export interface Expectation {
  /** Milliseconds; absent when nothing tells. */
  ms?: number;
  /** What the number rests on, for people. */
  basis: string;
}

/** Runs that are looked at: older ones ran on other hardware and other data. */
const RUNS = 20;

/** Turns of this stack in the newest run logs. What cannot be read is left out: a plan does not depend on it. */
export async function readHistory(directory: string, stack: string): Promise<MeasuredTurn[]> {
  const runs = join(directory, '.prox-ops', 'runs');
  const names = (await readdir(runs).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort();
  const logs = await Promise.all(names.slice(-RUNS).map((name) => readFile(join(runs, name), 'utf8').catch(() => '')));
  return logs.flatMap((text) => measured(eventsOf(text), stack));
}

/** Nodes that runs of this stack had, each with the newest run that names it. What cannot be read is left out. */
export async function nodesOfRuns(directory: string, stack: string): Promise<Map<string, string>> {
  const runs = join(directory, '.prox-ops', 'runs');
  const found = new Map<string, string>();
  for (const name of (await readdir(runs).catch(() => [])).filter((file) => file.endsWith('.jsonl')).sort()) {
    const events = eventsOf(await readFile(join(runs, name), 'utf8').catch(() => ''));
    if (!events.some((event) => event.type === 'run.opened' && event.stack === stack)) continue;
    for (const event of events)
      if (event.type === 'run.started') for (const node of event.nodes) found.set(node.name, event.run);
  }
  return found;
}

function eventsOf(text: string): Recorded[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Recorded];
    } catch {
      // The last line of a run that was killed.
      return [];
    }
  });
}

function measured(events: Recorded[], stack: string): MeasuredTurn[] {
  if (events.length === 0) return [];
  const report = reportOf(events);
  if (report.stack !== stack) return [];
  const preflight = events.find((event) => event.type === 'preflight');
  return report.nodes.flatMap(({ name, role, phases, outcome }) => {
    const kind = MEASURED.find((measured) => measured === outcome);
    if (kind === undefined) return [];
    const bytes = preflight?.replicas[name]?.bytes;
    return [{ run: report.run, role, outcome: kind, phases, ...(bytes !== undefined && { bytes }) }];
  });
}

/** How long a node's turn may take, by what turns like it took: of its role, and with the VM replaced or kept. */
export function expectationOf(
  role: string,
  replicas: Replicas | undefined,
  history: MeasuredTurn[],
  kind: MeasuredOutcome = 'replaced',
): Expectation {
  const moving =
    replicas && replicas.bytes > 0 ? `${replicas.count} replica(s), ${bytesText(replicas.bytes)} to move` : undefined;
  const turns = history.filter((turn) => turn.role === role && turn.outcome === kind);
  if (turns.length === 0) return { basis: ['no history yet', moving].filter((part) => part !== undefined).join(': ') };
  const rate = syncRate(history);
  const byBytes = replicas !== undefined && rate !== undefined;
  const phases = ALL_PHASES.filter((phase) => !(byBytes && phase === 'evacuate'));
  const fixed = phases.reduce((sum, phase) => sum + median(turns.flatMap(({ phases: took }) => took[phase] ?? [])), 0);
  const runs = new Set(turns.map(({ run }) => run)).size;
  const basis = [
    `median of ${turns.length} ${role} turn(s)${kind === 'replaced' ? '' : ' in place'} in ${runs} run(s)`,
  ];
  if (byBytes && moving !== undefined) basis.push(`${moving} at the ${bytesText(rate)}/s measured`);
  return { ms: Math.round(fixed + (byBytes ? (replicas.bytes / rate) * 1000 : 0)), basis: basis.join('; ') };
}

/** Bytes a second that evacuations moved. */
function syncRate(history: MeasuredTurn[]): number | undefined {
  const moved = history.flatMap(({ bytes = 0, phases }) =>
    bytes > 0 && (phases.evacuate ?? 0) > 0 ? [{ bytes, ms: phases.evacuate ?? 0 }] : [],
  );
  if (moved.length === 0) return undefined;
  return moved.reduce((sum, { bytes }) => sum + bytes, 0) / (moved.reduce((sum, { ms }) => sum + ms, 0) / 1000);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] ?? 0;
  return ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
