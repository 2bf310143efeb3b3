import { LabError } from './errors.js';
import { startLab, type Lab, type LabOptions } from './lab.js';

/** What the daemon tells the command that started it. */
export type DaemonMessage = { kind: 'ready' } | { kind: 'failed'; message: string; exitCode: number };

/**
 * The lab's own process: gets its options in one message from the command that starts it, says when it is ready, and
 * goes on without that command. It ends on SIGTERM, SIGINT or SIGHUP, when the command goes away before it is ready, and on any error that
 * nobody caught; each time everything it started is stopped first.
 */
function main(): void {
  const stopping = new AbortController();
  let lab: Promise<Lab> | undefined;
  const stop = (exitCode: number): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    void end(lab, exitCode);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(0));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      console.error(`${new Date().toISOString()} ${event}:`, error);
      stop(1);
    });
  }
  const abandoned = (): void => stop(1);
  process.once('disconnect', abandoned);
  process.once('message', (options: LabOptions) => {
    lab = startLab(options, stopping.signal);
    lab.then(
      () => {
        process.off('disconnect', abandoned);
        tell({ kind: 'ready' });
      },
      (error: unknown) => {
        console.error(error);
        tell(failure(error));
        stop(1);
      },
    );
  });
}

async function end(lab: Promise<Lab> | undefined, exitCode: number): Promise<void> {
  try {
    await (await lab?.catch(() => undefined))?.close();
  } catch (error) {
    console.error(error);
    exitCode = 1;
  }
  process.exit(exitCode);
}

function tell(message: DaemonMessage): void {
  if (process.connected) process.send?.(message);
}

function failure(error: unknown): DaemonMessage {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', message, exitCode: error instanceof LabError ? error.exitCode : 1 };
}

main();
