import { ExitCode } from './exit';

/** How a reader shows that it is gone: `| head`, a `tee` that Ctrl-C has ended, a terminal that was closed. */
const NOBODY_READS = ['EPIPE', 'EIO'];

/**
 * Without this the first line that nobody reads any more would end the process, and with it a roll in the middle of a
 * node's turn. What a run does is in its event log as well. Any other trouble, a full disk for one, fails the command at
 * its end.
 */
export function outliveReaders(): void {
  let trouble: string | undefined;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', ({ code = '', message }: NodeJS.ErrnoException) => {
      if (!NOBODY_READS.includes(code)) trouble ??= message;
    });
  process.on('exit', (code) => {
    if (trouble === undefined || code !== ExitCode.ok) return;
    process.stderr.write(`prox-ops: not all of the output could be written: ${trouble}\n`);
    process.exitCode = ExitCode.error;
  });
}
