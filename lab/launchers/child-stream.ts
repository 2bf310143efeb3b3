import type { ChildProcess } from 'node:child_process';
import { status } from '@grpc/grpc-js';
import { messageOf } from './message';

/** The parts of a streaming call that a child's output needs. */
export interface OutputStream<T> {
  write(message: T): unknown;
  end(): unknown;
  emit(event: 'error', error: { code: status; details: string }): boolean;
  once(event: 'cancelled', listener: () => void): unknown;
}

/** Sends a child's output as it comes; a failure of the child is the call's. */
export function streamChild<T>(
  call: OutputStream<T>,
  start: () => ChildProcess,
  wrap: { stdout(bytes: Buffer): T; stderr(bytes: Buffer): T },
): void {
  const fail = (details: string) => call.emit('error', { code: status.UNKNOWN, details });
  let child: ChildProcess;
  try {
    child = start();
  } catch (error) {
    fail(messageOf(error));
    return;
  }
  call.once('cancelled', () => child.kill('SIGKILL'));
  child.stdout?.on('data', (bytes: Buffer) => call.write(wrap.stdout(bytes)));
  child.stderr?.on('data', (bytes: Buffer) => call.write(wrap.stderr(bytes)));
  child.once('error', (error) => fail(`${child.spawnfile} could not be started: ${error.message}`));
  child.once('close', (code, signal) => {
    if (code === 0) {
      call.end();
    } else if (code === null || code > 0) {
      fail(
        `${child.spawnargs.slice(0, 2).join(' ')} ${code === null ? `was ended by ${signal}` : `exited with code ${code}`}`,
      );
    }
  });
}
