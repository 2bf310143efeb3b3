import { isGood, type Recorded } from '../events';
import { ALL_PHASES } from '../phases';
import { duration, fromTo, printable } from '../views/format';
import { eventText } from '../views/text';
import { STYLE } from './htmlStyle';
import type { NodeReport, RunReport } from './model';
import { actorText, commandLine } from './table';
import { type Bar, type Row, runTimeline, type Tick, turnTimelines } from './timeline';

/** A run as one HTML file that needs nothing else: no script, no font, no address. */
export function htmlReport(report: RunReport, events: readonly Recorded[]): string {
  const title = `${report.command} ${report.stack}: ${report.outcome}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${summary(report)}
${report.nodes.length === 0 ? '' : [legend(report.nodes), timelines(report), nodes(report.nodes)].join('\n')}
${notes(report)}
${trail(events)}
</main>
</body>
</html>
`;
}

function summary(report: RunReport): string {
  const good = report.exitCode === 0;
  const done = report.nodes.filter(({ outcome }) => isGood(outcome)).length;
  const releases = [...new Set(report.nodes.map(({ from, to }) => fromTo(from, to)))].filter(Boolean);
  const facts: [string, string | undefined][] = [
    ['Who', report.actor && actorText(report.actor)],
    ['What', commandLine(report)],
    ['When', `${clock(report.startedAt)} to ${clock(report.endedAt)} UTC`],
    ['Why', report.reason],
    ['Release', releases.join(', ')],
    ['Nodes', report.nodes.length === 0 ? undefined : `${done} of ${report.nodes.length}`],
    ['At a time', report.parallel === undefined ? undefined : `up to ${report.parallel} workers, as was asked for`],
    ['Templates', report.prepareMs === undefined ? undefined : `ready in ${duration(report.prepareMs)}`],
    ['Steps', report.stages.map(({ stage, ms }) => `${stage} ${duration(ms)}`).join(', ')],
    ['Run', report.run],
    ['Exit code', report.exitCode?.toString()],
  ];
  const rows = facts.filter(([, value]) => value !== undefined && value !== '');
  return `<header>
<h1>${escaped(report.stack)} <span class="outcome ${good ? 'good' : 'bad'}">${escaped(report.outcome)} in ${duration(report.ms)}</span></h1>
${report.message === undefined ? '' : `<pre class="message">${escaped(report.message)}</pre>`}
<dl>${rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${escaped(value ?? '')}</dd></div>`).join('')}</dl>
</header>`;
}

function legend(all: NodeReport[]): string {
  const ran = ALL_PHASES.filter((phase) => all.some(({ spans }) => spans.some((span) => span.phase === phase)));
  const items = ran.map((phase) => `<li><i class="${phaseClass(phase)}"></i>${phase}</li>`).join('');
  return `<ul class="legend" aria-label="Phases">${items}<li><i class="failed"></i>failed</li></ul>`;
}

function timelines(report: RunReport): string {
  const run = runTimeline(report);
  const turns = turnTimelines(report);
  return `${chart('The run', run.rows, run.ticks)}\n${chart('Turns side by side', turns.rows, turns.ticks)}`;
}

function chart(title: string, rows: Row[], ticks: Tick[]): string {
  const marks = ticks.map(({ left, ms }) => `<span style="left:${percent(left)}">${axisTime(ms)}</span>`).join('');
  const body = rows
    .map(
      ({ node, bars }) =>
        `<div class="name">${escaped(node.name)}</div><div class="lane">${bars.map(barHtml).join('')}</div>`,
    )
    .join('\n');
  return `<section><h2>${title}</h2>
<div class="chart" style="--tick:${percent(ticks[1]?.left ?? 100)}">
${body}
<div></div><div class="axis" aria-hidden="true">${marks}</div></div></section>`;
}

function barHtml({ left, width, phase, state, ms }: Bar): string {
  const tip = `${phase}: ${duration(ms)}${state === 'finished' ? '' : `, ${state}`}`;
  const classes = `${phaseClass(phase)}${state === 'finished' ? '' : ' failed'}`;
  return `<i class="${classes}" style="left:${percent(left)};width:${percent(width)}" title="${tip}" aria-label="${tip}"></i>`;
}

function nodes(all: readonly NodeReport[]): string {
  const used = ALL_PHASES.filter((phase) => all.some(({ phases }) => phases[phase] !== undefined));
  const head = ['Node', 'Role', 'Release', 'Outcome', 'Total', ...used].map((name) => `<th>${name}</th>`).join('');
  const rows = all.map((node) => {
    const times = used.map((phase) => `<td class="time">${timeText(node.phases[phase])}</td>`).join('');
    return `<tr><th>${escaped(node.name)}</th><td>${escaped(node.role)}</td><td>${escaped(fromTo(node.from, node.to))}</td><td class="${outcomeClass(node)}">${node.outcome}</td><td class="time">${timeText(node.ms)}</td>${times}</tr>`;
  });
  return `<section><h2>Nodes</h2><div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>
${rows.join('\n')}
</tbody></table></div></section>`;
}

function notes(report: RunReport): string {
  const items = [
    ...report.reconciled.map((what) => `Reconciled: ${what}`),
    ...report.nodes.flatMap(({ name, rollbacks }) =>
      rollbacks.map(({ at, to, why }) => `${clock(at)} ${name} rolled back to ${to}: ${why}`),
    ),
    ...report.nodes.flatMap(({ name, message }) => (message === undefined ? [] : [`${name}: ${message}`])),
    ...report.interrupted,
    ...report.notices,
  ];
  if (items.length === 0) return '';
  return `<section><h2>Notes</h2>${items.map((item) => `<pre class="message">${escaped(item)}</pre>`).join('\n')}</section>`;
}

/** The whole event log, for who wants to know. */
function trail(events: readonly Recorded[]): string {
  const rows = events.map((event) => {
    const text = event.type === 'phase.started' ? `${event.node}: ${event.phase}` : (eventText(event) ?? '');
    return `<tr><td class="time">${clock(event.at).slice(11)}</td><td>${event.type}</td><td>${escaped(text)}</td></tr>`;
  });
  return `<section><details><summary>Audit trail: ${events.length} events</summary><div class="scroll"><table class="trail"><tbody>
${rows.join('\n')}
</tbody></table></div></details></section>`;
}

function phaseClass(phase: string): string {
  return `p-${phase.replaceAll(' ', '-').toLowerCase()}`;
}

function outcomeClass({ outcome }: NodeReport): string {
  if (isGood(outcome)) return 'good';
  return outcome === 'not started' ? 'dim' : 'bad';
}

function timeText(ms: number | undefined): string {
  return ms === undefined || ms === 0 ? '' : duration(ms);
}

/** 0, 30s, 5m, 1h30m */
function axisTime(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round((ms % 60_000) / 1000);
  if (ms < 60_000) return ms === 0 ? '0' : `${seconds}s`;
  if (minutes < 60) return `${minutes}m${seconds === 0 ? '' : `${seconds}s`}`;
  return `${Math.floor(minutes / 60)}h${minutes % 60 === 0 ? '' : `${minutes % 60}m`}`;
}

function clock(at: string): string {
  return at.slice(0, 19).replace('T', ' ');
}

function percent(value: number): string {
  return `${Number(value.toFixed(3))}%`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  const lines = text.split('\n').map(printable).join('\n');
  return lines.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
