import { fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { LabDirectory } from '../daemon/directory.js';
import { EXIT, LabError } from '../daemon/errors.js';
import type { LabOptions } from '../daemon/lab.js';
import type { DaemonMessage } from '../daemon/main.js';

/**
 * Starts the lab in a process of its own and returns when it is up. Ctrl-C meanwhile ends that process, too: it stops
 * when this one goes away before it is ready.
 * @throws LabError with the lab's own message when it does not come up.
 */
export async function startDaemon(options: LabOptions, directory: LabDirectory): Promise<void> {
  directory.create();
  const log = openSync(directory.log, 'a', 0o600);
  // As source under tsx, or compiled: whatever this file is.
  const program = join(__dirname, '..', 'daemon', `main${extname(__filename)}`);
  const child = fork(program, [], { detached: true, stdio: ['ignore', log, log, 'ipc'], cwd: directory.path });
  closeSync(log);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('message', (message: DaemonMessage) => {
        if (message.kind === 'ready') resolve();
        else reject(new LabError(message.message, message.exitCode));
      });
      child.once('exit', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        reject(new LabError(`the lab's process ended before it was up (${how}); see ${directory.log}`, EXIT.failed));
      });
      child.send(options, (error) => error && reject(error));
    });
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}
