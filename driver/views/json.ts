import type { RunLog } from '../runLog';
import { LINES, type View } from './view';

/** One JSON object a line: the run's events as they are in its log. */
export function jsonView(log: RunLog, out: NodeJS.WritableStream): View {
  log.listen((event) => {
    out.write(`${JSON.stringify(event)}\n`);
  });
  return LINES;
}
