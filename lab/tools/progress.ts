/** What is being done for a tool. */
export type Phase = 'waiting' | 'downloading' | 'building';

/** How a tool was come by. */
export type Source = 'path' | 'cache' | 'download' | 'build';

/** A tool's place in the run. */
export interface Subject {
  /** Counted from 1. */
  readonly index: number;
  readonly total: number;
  readonly name: string;
  readonly version: string;
}

/** What ensureTools tells while it works. */
export type ToolEvent =
  | ({ readonly kind: 'phase'; readonly phase: Phase; readonly detail: string } & Subject)
  | ({ readonly kind: 'note'; readonly text: string } & Subject)
  | ({ readonly kind: 'ready'; readonly source: Source; readonly path: string; readonly ms: number } & Subject)
  | ({ readonly kind: 'failed' } & Subject)
  | { readonly kind: 'finished'; readonly total: number; readonly ms: number };

export type ToolReporter = (event: ToolEvent) => void;

/** Where progress is written. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * Writes progress: on a terminal one line per tool that is rewritten while the time runs, elsewhere (a log, CI) one
 * plain line for each step.
 */
export function printProgress(stream: ProgressStream = process.stderr): ToolReporter {
  const line = new StatusLine(stream);
  return (event) => {
    switch (event.kind) {
      case 'phase':
        line.working(`${label(event)}: ${doing(event.phase, event.detail)}`);
        break;
      case 'note':
        line.done(`${label(event)}: ${event.text}`);
        break;
      case 'ready':
        line.done(`${label(event)}: ${origin(event)}`);
        break;
      case 'failed':
        line.done(`${label(event)}: failed`);
        break;
      case 'finished':
        line.done(`${event.total} tools ready in ${duration(event.ms)}`);
        break;
    }
  };
}

function label({ index, total, name, version }: Subject): string {
  return `[${index}/${total}] ${name} ${version}`;
}

function doing(phase: Phase, detail: string): string {
  return detail === '' ? `${phase} …` : `${phase} (${detail}) …`;
}

function origin({ source, path, ms }: Extract<ToolEvent, { kind: 'ready' }>): string {
  switch (source) {
    case 'path':
      return `found on PATH, ${path}`;
    case 'cache':
      return 'ready';
    case 'download':
      return `downloaded in ${duration(ms)}`;
    case 'build':
      return `built in ${duration(ms)}`;
  }
}

/** '0.4 s', '12 s', '1m05s'. */
export function duration(ms: number): string {
  if (ms < 10_000) {
    return `${(ms / 1000).toFixed(1)} s`;
  }
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}

/** One line at the bottom that is rewritten, on a terminal; plain lines, each once, elsewhere. */
class StatusLine {
  private text = '';
  private since = 0;
  private ticker: NodeJS.Timeout | undefined;

  constructor(private readonly stream: ProgressStream) {}

  working(text: string): void {
    if (!this.stream.isTTY) {
      this.plainly(text);
      return;
    }
    // A change within the brackets (bytes received) goes on with the same clock.
    if (headOf(text) !== headOf(this.text)) {
      this.since = Date.now();
    }
    this.text = text;
    this.draw();
    // Only redraws the running time; unref, since a clock is no reason to keep a process alive.
    this.ticker ??= setInterval(() => this.draw(), 1000).unref();
  }

  done(text: string): void {
    clearInterval(this.ticker);
    this.ticker = undefined;
    this.text = '';
    this.stream.write(this.stream.isTTY ? `\r\u001b[K${text}\n` : `${text}\n`);
  }

  private plainly(text: string): void {
    if (headOf(text) !== headOf(this.text)) {
      this.text = text;
      this.stream.write(`${text}\n`);
    }
  }

  private draw(): void {
    const elapsed = Math.round((Date.now() - this.since) / 1000) * 1000;
    const line = `${this.text} ${elapsed < 1000 ? '' : duration(elapsed)}`;
    // A line that wraps could not be rewritten.
    this.stream.write(`\r\u001b[K${line.slice(0, (this.stream.columns ?? 80) - 1)}`);
  }
}

function headOf(text: string): string {
  return text.replace(/ \(.*$/, '');
}
