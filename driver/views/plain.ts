import type { Recorded, RunLog } from '../runLog';
import { printable } from './format';
import { eventText } from './text';
import { LINES, type View } from './view';

/** One line an event, for logs and pipes. */
export function plainView(log: RunLog, out: NodeJS.WritableStream): View {
  log.listen((event) => {
    for (const line of toLines(event)) out.write(`${event.at.slice(11, 19)} ${line}\n`);
  });
  return LINES;
}

function toLines(event: Recorded): string[] {
  const text = eventText(event);
  return text === undefined ? [] : text.split('\n').map(printable);
}
