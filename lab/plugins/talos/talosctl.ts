import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs at most this many talosctl at once: each keeps one core busy. */
const PARALLEL = 2;

/** The real talosctl, which makes secrets and machine configurations and refuses what Talos would refuse. */
export class Talosctl {
  private readonly results = new Map<string, Promise<string>>();
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param path the program; default: the one named by PROX_OPS_TALOSCTL, else the one on PATH. */
  constructor(private readonly path = process.env['PROX_OPS_TALOSCTL'] || 'talosctl') {}

  /**
   * Runs it with files: an argument `{name}` becomes the path of the file of that name. The files may hold secrets:
   * they are of mode 0600 in a directory of mode 0700, and gone afterwards.
   * @returns its standard output. @throws Error with its own message.
   */
  run(args: string[], files: Record<string, string> = {}): Promise<string> {
    return this.within(files, (_, path) => this.spawn(args.map(path)));
  }

  /** Runs a command that writes its result to a file. @returns the content of the file named `output`. */
  produce(args: string[], output: string): Promise<string> {
    return this.within({}, async (directory, path) => {
      await this.spawn(args.map(path));
      return readFile(join(directory, output), 'utf8');
    });
  }

  private async within(
    files: Record<string, string>,
    operation: (directory: string, path: (argument: string) => string) => Promise<string>,
  ): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'talos-plugin-'));
    const path = (argument: string): string =>
      argument.replace(/\{([\w-]+)\}/, (_, name: string) => join(directory, name));
    await this.enter();
    try {
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(directory, name), content, { mode: 0o600 });
      }
      return await operation(directory, path);
    } finally {
      this.leave();
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Like `run`, for what gives the same output every time: the same input is run once in this process. */
  cached(args: string[], files: Record<string, string>): Promise<string> {
    const key = createHash('sha256')
      .update(JSON.stringify([args, files]))
      .digest('hex');
    const known = this.results.get(key);
    if (known) return known;
    const result = this.run(args, files);
    this.results.set(key, result);
    result.catch(() => this.results.delete(key));
    return result;
  }

  private spawn(args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      const output = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.stdout += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk));
      child.on('error', (error) => reject(unusable(this.path, error)));
      child.on('close', (code) => {
        if (code === 0) resolve(output.stdout);
        else reject(new Error(message(output.stderr) || `talosctl ${args[0] ?? ''}: exit code ${code}`));
      });
    });
  }

  private async enter(): Promise<void> {
    if (this.running >= PARALLEL) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running += 1;
  }

  private leave(): void {
    this.running -= 1;
    this.waiting.shift()?.();
  }
}

function message(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line !== 'generating PKI and tokens');
  return lines.join('\n').trim();
}

function unusable(path: string, error: Error): Error {
  return new Error(
    `talosctl: expected a program at '${path}', found: ${error.message}; put talosctl on PATH or set PROX_OPS_TALOSCTL`,
  );
}
