import type { RunLog } from '../runLog';

/** One JSON object a line: the run's events as they are. */
export function jsonView(log: RunLog, out: NodeJS.WritableStream): void {
  log.listen((event) => {
    out.write(`${JSON.stringify(event)}\n`);
  });
}
