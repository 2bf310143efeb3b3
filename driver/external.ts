import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Finds `prox-ops-NAME` beside our own command or on PATH, as git does: other packages bring commands of their own. */
export function findExternal(name: string): string | undefined {
  const directories = [
    join(__dirname, '..', '..', 'node_modules', '.bin'),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  for (const directory of directories) {
    const file = join(directory, `prox-ops-${name}`);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here: the next directory.
    }
  }
  return undefined;
}

/** Runs an external command with our terminal. Resolves with its exit code, or 128 + signal's number as shells do. */
export async function runExternal(file: string, args: string[]): Promise<number> {
  const child = spawn(file, args, { stdio: 'inherit' });
  const ignore = () => undefined;
  // A Ctrl-C reaches the child by itself: this process stays to pass on its exit code.
  process.on('SIGINT', ignore);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 130);
    });
  });
}
