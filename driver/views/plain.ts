import type { Recorded, RunLog } from '../runLog';
import { duration, fromTo } from './format';

/** One line an event, for logs and pipes. */
export function plainView(log: RunLog, out: NodeJS.WritableStream): void {
  log.listen((event) => {
    const line = toLine(event);
    if (line !== undefined) out.write(`${event.at.slice(11, 19)} ${line}\n`);
  });
}

function toLine(event: Recorded): string | undefined {
  switch (event.type) {
    case 'run.started':
      return `${event.command} ${event.stack}: ${event.nodes.length} node(s), run ${event.runId}`;
    case 'run.reconciled':
      return `reconciled: ${event.what}`;
    case 'prepare.started':
      return `prepare: ${event.resources} template(s), image(s) and other resources`;
    case 'prepare.finished':
      return `prepare: done in ${duration(event.ms)}`;
    case 'node.started':
      return `${event.node} (${event.index + 1}/${event.of}): ${fromTo(event.from, event.to)}`;
    case 'phase.started':
      return undefined;
    case 'phase.finished':
      return `${event.node}: ${event.phase} done in ${duration(event.ms)}`;
    case 'rollback.started':
      return `${event.node}: rolling back to ${event.to}, because: ${event.why}`;
    case 'progress':
      return `${event.node ?? ''}: ${event.message}`;
    case 'node.finished':
      return [`${event.node}: ${event.outcome} in ${duration(event.ms)}`, event.message].filter(Boolean).join('\n');
    case 'run.finished':
      return `${event.outcome} in ${duration(event.ms)}${event.message === undefined ? '' : `: ${event.message}`}`;
  }
}
