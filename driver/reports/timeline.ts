import type { Phase } from '../phases';
import type { NodeReport, RunReport, Span } from './model';

/** A bar's place on its axis, in percent of the axis' length. */
export interface Bar {
  left: number;
  width: number;
  phase: Phase;
  state: Span['state'];
  ms: number;
}

export interface Row {
  node: NodeReport;
  bars: Bar[];
}

export interface Tick {
  left: number;
  /** Milliseconds from the start of the run. */
  ms: number;
}

/** Bars narrower than this can't be seen, in percent. */
const NARROWEST = 0.15;
/** Distances between two ticks that people count in, in seconds. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400];
const MOST_TICKS = 10;

/** Each node's phases at their time in the run. Nodes in the order in which their turns began. */
export function runTimeline(report: RunReport): { rows: Row[]; ticks: Tick[] } {
  const start = Date.parse(report.startedAt);
  const length = Math.max(1, report.ms);
  const begun = report.nodes.filter(({ startedAt }) => startedAt !== undefined);
  begun.sort((left, right) => (left.startedAt ?? '').localeCompare(right.startedAt ?? ''));
  const rows = begun.map((node) => ({ node, bars: node.spans.map((span) => bar(span, start, length)) }));
  return { rows, ticks: ticks(length) };
}

/** Each node's phases from the start of its own turn, all on the axis of the longest turn: for comparing them. */
export function turnTimelines(report: RunReport): { rows: Row[]; ticks: Tick[] } {
  const begun = report.nodes.filter(({ spans }) => spans.length > 0);
  const length = Math.max(1, ...begun.map((node) => extent(node)));
  const rows = begun.map((node) => {
    const start = Date.parse(node.startedAt ?? '');
    return { node, bars: node.spans.map((span) => bar(span, start, length)) };
  });
  return { rows, ticks: ticks(length) };
}

/** Milliseconds from the start of a node's first turn to the end of its last phase. */
function extent({ startedAt, spans }: NodeReport): number {
  const ends = spans.map((span) => Date.parse(span.startedAt) + span.ms);
  return Math.max(...ends) - Date.parse(startedAt ?? '');
}

function bar({ phase, state, ms, startedAt }: Span, start: number, length: number): Bar {
  const width = Math.min(100, Math.max(NARROWEST, (ms / length) * 100));
  const left = Math.max(0, ((Date.parse(startedAt) - start) / length) * 100);
  // What ends with the run stays within the axis.
  return { left: Math.min(left, 100 - width), width, phase, state, ms };
}

function ticks(length: number): Tick[] {
  const step = (STEPS.find((seconds) => length / (seconds * 1000) <= MOST_TICKS) ?? length / 10_000) * 1000;
  const count = Math.floor(length / step);
  return Array.from({ length: count + 1 }, (_, index) => ({ ms: index * step, left: ((index * step) / length) * 100 }));
}
