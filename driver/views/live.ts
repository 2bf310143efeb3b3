import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import type { Phase } from '../phases';
import type { Outcome, Recorded, RunLog, RunNode } from '../runLog';
import { duration, fromTo } from './format';

interface Row extends RunNode {
  startedAt?: number;
  ms?: number;
  outcome?: Outcome;
  phase?: Phase;
  phaseAt?: number;
  detail?: string;
}

/** Milliseconds between two pictures. */
const PACE = 250;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** The node list with the step under way, redrawn in place. Returns the way to stop; the last picture stays. */
export function liveView(log: RunLog, out: NodeJS.WriteStream): () => void {
  const picture = new Picture();
  const redraw = createLogUpdate(out);
  const draw = () => {
    redraw(picture.text(out.columns));
  };
  log.listen((event) => {
    picture.add(event);
  });
  // Drawn at a steady pace and not at every event: a drain can say a lot in a second, and the engine needs the processor.
  const timer = setInterval(draw, PACE);
  return () => {
    clearInterval(timer);
    draw();
    redraw.done();
  };
}

/** What the live view shows, kept apart from the terminal so that it can be tested. */
export class Picture {
  private readonly rows = new Map<string, Row>();
  private header = '';
  private readonly notes: string[] = [];
  private preparing: string | undefined;
  /** Progress of a run that is about no single node: how much, and the last of it. */
  private latest: { count: number; message: string } | undefined;
  private ended = false;

  add(event: Recorded): void {
    const at = Date.parse(event.at);
    switch (event.type) {
      case 'run.started':
        this.header = `${event.command} ${event.stack}`;
        for (const node of event.nodes) this.rows.set(node.name, { ...node });
        break;
      case 'run.reconciled':
        this.notes.push(event.what);
        break;
      case 'prepare.started':
        this.preparing = `preparing ${event.resources} template and image resources`;
        break;
      case 'prepare.finished':
        this.preparing = undefined;
        this.notes.push(`templates and images ready in ${duration(event.ms)}`);
        break;
      case 'node.started':
        this.change(event.node, { startedAt: at });
        break;
      case 'phase.started':
        this.change(event.node, { phase: event.phase, phaseAt: at, detail: '' });
        break;
      case 'rollback.started':
        this.notes.push(`${event.node} failed with ${event.from}: ${event.why}`);
        this.change(event.node, { from: event.from, to: event.to, detail: 'rolling back' });
        break;
      case 'progress':
        if (event.node !== undefined) this.change(event.node, { detail: event.message });
        else this.latest = { count: (this.latest?.count ?? 0) + 1, message: event.message };
        break;
      case 'node.finished':
        this.change(event.node, { outcome: event.outcome, ms: event.ms });
        if (event.message !== undefined) this.notes.push(event.message);
        break;
      case 'run.finished':
        this.ended = true;
        this.notes.push(`${event.outcome} in ${duration(event.ms)}${event.message ? `: ${event.message}` : ''}`);
        break;
      case 'phase.finished':
        break;
    }
  }

  /** @param columns width of the terminal; longer lines are cut, or redrawing would leave debris. */
  text(columns = 120, now = Date.now()): string {
    const rows = [...this.rows.values()];
    const finished = rows.filter((row) => row.outcome !== undefined).length;
    const frame = this.ended ? '' : (FRAMES[Math.floor(now / PACE) % FRAMES.length] ?? '');
    const head = this.header === '' ? [] : [pc.bold(`${this.header}  ${finished}/${rows.length} nodes ${frame}`)];
    const { latest } = this;
    const progress =
      latest === undefined ? [] : [`${frame} ${latest.count} done, last: ${latest.message}`.slice(0, columns - 1)];
    const preparing = this.preparing === undefined ? [] : [pc.cyan(`${frame} ${this.preparing}`)];
    const width = Math.max(0, ...rows.map((row) => row.name.length));
    const body = rows.map((row) => rowLine(row, width, columns, now));
    return [...head, ...progress, ...preparing, ...body, ...this.notes.slice(-6)].join('\n');
  }

  private change(node: string, change: Partial<Row>): void {
    const row = this.rows.get(node);
    if (row) Object.assign(row, change);
  }
}

function rowLine(row: Row, width: number, columns: number, now: number): string {
  const name = row.name.padEnd(width);
  const versions = fromTo(row.from, row.to);
  if (row.outcome !== undefined) {
    const good = row.outcome === 'replaced' || row.outcome === 'finished';
    const mark = good ? pc.green('✓') : pc.red('✗');
    return `${mark} ${name}  ${versions}  ${row.outcome} in ${duration(row.ms ?? 0)}`;
  }
  if (row.startedAt === undefined) return pc.dim(`· ${name}  ${versions}`);
  const detail = [row.phase, row.detail].filter(Boolean).join(': ');
  const elapsed = duration(now - row.startedAt);
  const line = `${name}  ${versions}  ${elapsed.padStart(5)}  ${detail}`;
  return `${pc.cyan('▶')} ${line.slice(0, Math.max(20, columns - 3))}`;
}
