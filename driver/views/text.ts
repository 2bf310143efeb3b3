import type { Recorded } from '../events';
import { findingLines } from '../planView';
import { fluxLine } from './flux';
import { duration, fromTo } from './format';

/** An event in words, without its time; undefined for one that only a moving picture shows. */
export function eventText(event: Recorded): string | undefined {
  switch (event.type) {
    case 'run.opened':
      return `${event.command} ${event.stack} by ${event.actor.name}, run ${event.run}${because(event.reason)}`;
    case 'run.started':
      return `${event.command} ${event.stack}: ${event.nodes.length} node(s)${askedText(event.parallel)}`;
    case 'run.reconciled':
      return `reconciled: ${event.what}`;
    case 'run.interrupted':
      return event.message;
    case 'preflight':
      return preflightText(event);
    case 'prepare.started':
      return `prepare: ${event.resources} template(s), image(s) and other resources`;
    case 'prepare.finished':
      return `prepare: done in ${duration(event.ms)}`;
    case 'batch.started':
      return `${event.nodes.join(', ')}: out at the same time (up to ${event.limit} workers, as was asked for)`;
    case 'stage.started':
      return undefined;
    case 'stage.finished':
      return `${event.stage}: done in ${duration(event.ms)}`;
    case 'flux':
      return fluxLine(event.objects);
    case 'node.started':
      return `${event.node} (${event.index + 1}/${event.of}): ${fromTo(event.from, event.to)}`;
    case 'phase.started':
      return undefined;
    case 'phase.finished':
      return `${event.node}: ${event.phase} done in ${duration(event.ms)}`;
    case 'rollback.started':
      return `${event.node}: rolling back to ${event.to}, because: ${event.why}`;
    case 'progress':
      return event.node === undefined ? event.message : `${event.node}: ${event.message}`;
    case 'node.finished':
      return [`${event.node}: ${event.outcome} in ${duration(event.ms)}`, event.message].filter(Boolean).join('\n');
    case 'notice':
      return `${event.subject}: ${event.message}`;
    case 'run.finished':
      return `${event.outcome} in ${duration(event.ms)}${because(event.message)}`;
  }
}

/** That several nodes may be out is told wherever a run is: somebody wanted it so. */
export function askedText(parallel: number | undefined): string {
  return parallel === undefined ? '' : `, up to ${parallel} workers out at the same time, as was asked for`;
}

/** Blockers are told by the refusal that they lead to. */
function preflightText({ blockers, warnings }: Extract<Recorded, { type: 'preflight' }>): string {
  const head = `preflight: ${blockers.length} blocker(s), ${warnings.length} warning(s)`;
  return [head, ...warnings.flatMap(findingLines)].join('\n');
}

function because(text: string | undefined): string {
  return text === undefined ? '' : `: ${text}`;
}
