import { createLogUpdate } from 'log-update';
import { stripVTControlCharacters } from 'node:util';
import type { RunLog } from '../runLog';
import { PACE, Picture } from './picture';
import type { View } from './view';

/** Erases the line of the cursor and goes up one. */
const ERASE_AND_UP = '\u001B[2K\u001B[1A';

/** Of a terminal that does not know its size (a serial console) and so says 0. */
const UNKNOWN_SIZE = { columns: 80, rows: 24 };

/** The node list with the step under way, redrawn in place. The last picture stays. */
export function liveView(log: RunLog, out: NodeJS.WriteStream): View {
  const picture = new Picture();
  measure(out);
  const screen = new Redrawing(out);
  log.listen((event) => {
    picture.add(event);
  });
  const draw = () => {
    screen.draw(picture.text({ columns: out.columns, rows: out.rows }));
  };
  const onResize = () => {
    measure(out);
    screen.resized();
    draw();
  };
  // Drawn at a steady pace and not at every event: a drain can say a lot in a second, and the engine needs the processor.
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    timer = setInterval(draw, PACE);
    out.on('resize', onResize);
    // A shell has written below the picture while we were stopped.
    process.on('SIGCONT', screen.leave);
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    out.off('resize', onResize);
    process.off('SIGCONT', screen.leave);
  };
  const close = () => {
    if (timer === undefined) return;
    stop();
    draw();
    screen.leave();
  };
  const aside: View['aside'] = async (act) => {
    stop();
    screen.clear();
    try {
      return await act();
    } finally {
      start();
    }
  };
  start();
  return { aside, close };
}

/** Without a width nothing of the picture would be seen. */
function measure(out: NodeJS.WriteStream): void {
  if (out.columns === 0 || out.rows === 0) Object.assign(out, UNKNOWN_SIZE);
}

/** A picture on the terminal, replaced by the next one. */
class Redrawing {
  private readonly update: ReturnType<typeof createLogUpdate>;
  /** Widths of the lines that stand on the terminal. */
  private widths: number[] = [];

  constructor(private readonly out: NodeJS.WriteStream) {
    this.update = createLogUpdate(out);
  }

  draw(text: string): void {
    if (text === '') return;
    this.update(text);
    this.widths = text.split('\n').map((line) => stripVTControlCharacters(line).length);
  }

  /** A terminal that became narrower has broken the picture's lines: there are more of them to erase than were drawn. */
  resized(): void {
    const broken = this.widths.map((width) => Math.max(0, Math.ceil(width / this.out.columns) - 1));
    const more = broken.reduce((sum, lines) => sum + lines, 0);
    this.out.write(ERASE_AND_UP.repeat(Math.min(more, this.out.rows)));
  }

  clear(): void {
    this.update.clear();
    this.leave();
  }

  /** The picture stays where it is, and the next one is drawn below. */
  readonly leave = (): void => {
    this.update.done();
    this.widths = [];
  };
}
