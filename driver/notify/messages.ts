import type { Outcome, Recorded, RunEvent } from '../events';
import { duration, fromTo } from '../views/format';
import { askedText } from '../views/text';

/** A message for people. */
export interface Message {
  title: string;
  text?: string;
  mood: 'news' | 'good' | 'warning' | 'bad';
  at: string;
}

/** What is known of the run when an event comes. */
export interface RunSoFar {
  stack: string;
  started: boolean;
  finished: number;
  of: number;
}

const MOODS: Record<Outcome, Message['mood']> = {
  replaced: 'good',
  upgraded: 'good',
  updated: 'good',
  added: 'good',
  removed: 'good',
  rebooted: 'good',
  finished: 'good',
  'rolled back': 'warning',
  'put back': 'warning',
  refused: 'warning',
  held: 'warning',
  open: 'bad',
};

/** The message that an event is worth: start, node, rollback, completion. */
export function messageFor(event: Recorded, run: RunSoFar): Message | undefined {
  const { at } = event;
  switch (event.type) {
    case 'run.started':
      return { title: startTitle(event), mood: 'news', at, text: changes(event) };
    case 'rollback.started':
      return {
        title: `${run.stack}: ${event.node} goes back, ${fromTo(event.from, event.to)}`,
        text: event.why,
        mood: 'warning',
        at,
      };
    case 'node.finished': {
      const title = `${run.stack}: ${event.node} ${event.outcome} in ${duration(event.ms)} (${run.finished}/${run.of})`;
      return { title, mood: MOODS[event.outcome], at, ...(event.message !== undefined && { text: event.message }) };
    }
    case 'run.finished':
      return run.started || event.exitCode !== 0 ? completion(event, run) : undefined;
    default:
      return undefined;
  }
}

function startTitle(event: Extract<RunEvent, { type: 'run.started' }>): string {
  return `${event.stack}: ${event.command} of ${event.nodes.length} node(s) begins${askedText(event.parallel)}`;
}

function changes(event: Extract<RunEvent, { type: 'run.started' }>): string {
  const releases = [...new Set(event.nodes.map(({ from, to }) => fromTo(from, to)))].join(', ');
  return `${releases}\n${event.nodes.map(({ name }) => name).join(', ')}\nby ${event.holder}, run ${event.runId}`;
}

function completion(event: Extract<Recorded, { type: 'run.finished' }>, run: RunSoFar): Message {
  return {
    title: `${run.stack}: ${event.outcome} in ${duration(event.ms)}, exit code ${event.exitCode}`,
    mood: event.exitCode === 0 ? 'good' : event.exitCode === 4 || event.outcome === 'failed' ? 'bad' : 'warning',
    at: event.at,
    ...(event.message !== undefined && { text: event.message }),
  };
}
