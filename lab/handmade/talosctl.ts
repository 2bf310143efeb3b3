import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { realClock } from '../world/clock.js';

const run = promisify(execFile);

/** Tries of a call to a machine that is about to listen, and milliseconds between them. */
const TRIES = 200;
const PAUSE = 50;

/** The real talosctl with a folder of files (mode 0600), as somebody at a shell uses it. */
export class Talosctl {
  constructor(
    private readonly program: string,
    readonly folder: string,
  ) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): string {
    writeFileSync(this.file(name), text, { mode: 0o600 });
    return this.file(name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  /** A file that talosctl wrote becomes its owner's alone. */
  close(name: string): string {
    chmodSync(this.file(name), 0o600);
    return this.file(name);
  }

  /** @throws Error with what talosctl said. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await run(this.program, args, { env: { PATH: process.env['PATH'], HOME: this.folder } });
    return stdout;
  }

  /** Repeats a call until it succeeds. @throws Error of the last try. */
  async eventually(...args: string[]): Promise<string> {
    for (let left = TRIES; ; left -= 1) {
      try {
        return await this.run(...args);
      } catch (error) {
        if (left <= 1) throw error;
        await realClock.delay(PAUSE);
      }
    }
  }
}
