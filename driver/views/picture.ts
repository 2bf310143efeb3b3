import type { FluxObject } from '@prox-ops/operations';
import pc from 'picocolors';
import type { Recorded } from '../events';
import { fluxTable } from './flux';
import { duration, fromTo, printable } from './format';
import { expectedMs, fold, isGood, remainingMs, type Row } from './rows';

/** Milliseconds between two pictures. */
export const PACE = 250;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** Lines that notes may have: all of them once the run has ended, for then nothing moves any more. */
const NOTES = 6;
/** Lines that the nodes keep beside a table of Flux: those that are counted instead of shown. */
const FOLDED = 3;
/** How much later than expected a turn is before it is marked. */
const LATE = 1.5;
/** A step's own name before its message says what the phase says. */
const STEP = /^(turn|drain|evacuation|etcd|gate): /;

export interface Screen {
  columns: number;
  rows: number;
}

/** What the live view shows, kept apart from the terminal so that it can be tested. */
export class Picture {
  private readonly nodes = new Map<string, Row>();
  private header = '';
  private asked = '';
  private startedAt: number | undefined;
  private readonly notes: string[] = [];
  private preparing: string | undefined;
  /** Progress of a run that is about no single node: how much, and the last of it. */
  private latest: { count: number; message: string } | undefined;
  /** What Flux has come to. */
  private flux: FluxObject[] = [];
  private ended = false;

  add(event: Recorded): void {
    const at = Date.parse(event.at);
    switch (event.type) {
      case 'run.opened':
        this.header = `${event.command} ${event.stack}`;
        this.startedAt = at;
        break;
      case 'run.started':
        this.header = `${event.command} ${event.stack}`;
        this.startedAt = at;
        if (event.parallel !== undefined) this.asked = `  up to ${event.parallel} workers at a time`;
        for (const node of event.nodes) this.nodes.set(node.name, { ...node });
        break;
      case 'run.reconciled':
        this.note(event.what);
        break;
      case 'run.interrupted':
        this.note(event.message);
        break;
      case 'notice':
        this.note(`${event.subject}: ${event.message}`);
        break;
      case 'preflight':
        this.note(`preflight: ${event.blockers.length} blocker(s), ${event.warnings.length} warning(s)`);
        break;
      case 'prepare.started':
        this.preparing = `preparing ${event.resources} template and image resources`;
        break;
      case 'prepare.finished':
        this.preparing = undefined;
        this.note(`templates and images ready in ${duration(event.ms)}`);
        break;
      case 'stage.started':
        this.preparing = event.stage;
        break;
      case 'stage.finished':
        this.preparing = undefined;
        this.note(`${event.stage}: done in ${duration(event.ms)}`);
        break;
      case 'flux':
        this.flux = event.objects;
        break;
      case 'rollback.started':
        this.note(`${event.node} failed with ${event.from}: ${event.why}`);
        break;
      case 'run.finished':
        this.ended = true;
        this.preparing = undefined;
        this.note(`${event.outcome} in ${duration(event.ms)}${event.message ? `: ${event.message}` : ''}`);
        break;
      default:
        this.addToNode(event, at);
    }
  }

  /** No line is wider than the screen and no picture higher, or redrawing would leave debris. */
  text(screen: Screen, now = Date.now()): string {
    const rows = [...this.nodes.values()];
    const above = [...this.head(rows, now), ...this.moving(now)];
    const notes = this.notes.slice(-(this.ended ? screen.rows : NOTES));
    const height = screen.rows - 1;
    // Where it is tight the node under way goes before the notes, and the notes before the other nodes.
    const shown = Math.max(0, Math.min(notes.length, height - above.length - 3));
    const flux = this.fluxLines(height - above.length - shown - FOLDED);
    const body = bodyLines(rows, screen.columns, height - above.length - shown - flux.length, now);
    const lines = [...above, ...body, ...flux, ...(shown === 0 ? [] : notes.slice(-shown))];
    return lines.map((line) => cut(line, screen.columns)).join('\n');
  }

  private head(rows: Row[], now: number): string[] {
    if (this.header === '') return [];
    const finished = rows.filter((row) => row.outcome !== undefined).length;
    const count = rows.length === 0 ? '' : `  ${finished}/${rows.length} nodes`;
    const elapsed = this.startedAt === undefined || this.ended ? '' : `  ${duration(now - this.startedAt)}`;
    const left = this.ended ? undefined : remainingMs(rows, now);
    const ahead = left === undefined ? '' : `, about ${duration(left)} left`;
    return [pc.bold(`${this.header}${count}${elapsed}${ahead}${this.asked} ${this.frame(now)}`.trimEnd())];
  }

  /** While the workloads come back the nodes are done: the table may take their room. */
  private fluxLines(height: number): string[] {
    if (this.flux.length === 0 || height < 1) return [];
    const lines = fluxTable(this.flux).split('\n').map(printable);
    const ready = this.flux.filter((object) => object.ready).length;
    if (lines.length <= height) return lines;
    return [...lines.slice(0, height - 1), `${ready} of ${this.flux.length} Flux objects ready`];
  }

  private moving(now: number): string[] {
    const { latest, preparing } = this;
    return [
      ...(latest === undefined ? [] : [`${this.frame(now)} ${latest.count} done, last: ${latest.message}`]),
      ...(preparing === undefined ? [] : [pc.cyan(`${this.frame(now)} ${preparing}`)]),
    ];
  }

  private frame(now: number): string {
    return this.ended ? '' : (FRAMES[Math.floor(now / PACE) % FRAMES.length] ?? '');
  }

  private addToNode(event: Recorded, at: number): void {
    if (event.type === 'node.started') {
      const { index, of, from, to } = event;
      this.change(event.node, { startedAt: at, outcome: undefined, from, to, place: `${index + 1}/${of}` });
    } else if (event.type === 'phase.started') {
      this.change(event.node, { phase: event.phase, phaseAt: at, detail: '' });
    } else if (event.type === 'progress') {
      const message = printable(event.message);
      if (event.node !== undefined) this.change(event.node, { detail: message.replace(STEP, '') });
      else this.latest = { count: (this.latest?.count ?? 0) + 1, message };
    } else if (event.type === 'node.finished') {
      this.change(event.node, { outcome: event.outcome, ms: event.ms });
      if (event.message !== undefined) this.note(event.message);
    }
  }

  private note(text: string): void {
    this.notes.push(...text.split('\n').map(printable));
  }

  private change(name: string, change: Partial<Row>): void {
    const row = this.nodes.get(name) ?? { name, role: '', to: '' };
    this.nodes.set(name, { ...row, ...change });
  }
}

function bodyLines(rows: Row[], columns: number, height: number, now: number): string[] {
  const width = Math.max(0, ...rows.map((row) => row.name.length));
  const { before, shown, after } = fold(rows, height);
  const body = shown.flatMap((row) => rowLines(row, rows, width, columns, now));
  if (body.length + 2 > height && before + after > 0) return body.slice(0, Math.max(0, height));
  return [
    ...(before === 0 ? [] : [pc.green(`✓ ${before} finished`)]),
    ...body,
    ...(after === 0 ? [] : [pc.dim(`· ${after} more to come`)]),
  ];
}

function rowLines(row: Row, rows: Row[], width: number, columns: number, now: number): string[] {
  const name = row.name.padEnd(width);
  const versions = fromTo(row.from, row.to);
  if (row.outcome !== undefined) {
    const mark = isGood(row) ? pc.green('✓') : pc.red('✗');
    return [`${mark} ${name}  ${versions}  ${row.outcome} in ${duration(row.ms ?? 0)}`];
  }
  if (row.startedAt === undefined) return [pc.dim(`· ${name}  ${versions}`)];
  const first = `${pc.cyan('▶')} ${name}  ${versions}  ${timing(row, rows, now)}`;
  const phase = row.phase === undefined ? '' : `${row.phase} ${duration(now - (row.phaseAt ?? now))}`;
  return [first, cut(`    ${[phase, row.detail].filter(Boolean).join(': ')}`, columns)];
}

function timing(row: Row, rows: Row[], now: number): string {
  const elapsed = now - (row.startedAt ?? now);
  const expected = expectedMs(row, rows);
  if (expected === undefined) return duration(elapsed);
  const text = `${duration(elapsed)} of about ${duration(expected)}`;
  return elapsed > LATE * expected ? pc.yellow(text) : text;
}

// Colours take no room: they are parted from the text, which is cut, and put around it again.
const COLOUR = new RegExp(`(${String.fromCharCode(27)}\\[\\d+m)`);

/** A line no longer than the screen is wide, with an ellipsis where something is missing. */
export function cut(line: string, columns: number): string {
  const length = line.replaceAll(new RegExp(COLOUR, 'g'), '').length;
  if (length < columns) return line;
  let room = Math.max(0, columns - 2);
  const parts = line.split(COLOUR).map((part) => {
    if (COLOUR.test(part)) return part;
    const kept = part.slice(0, room);
    room -= kept.length;
    return kept;
  });
  return `${parts.join('')}…`;
}
