import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ChildOptions {
  /** Name in messages and of its files. */
  name: string;
  binary: string;
  args: string[];
  /** Folder of its log file and its process id file. */
  directory: string;
  /** Called once when it ends although nobody stopped it. */
  onDeath: (message: string) => void;
}

const LAST_LINES = 15;

/**
 * A program of the control plane: its output goes to `<directory>/<name>.log`, its process id to `<name>.pid` as long
 * as it runs (so that a lab that was killed can be cleaned up after).
 */
export class Child {
  private readonly process: ChildProcess;
  private readonly ended: Promise<void>;
  private stopping = false;
  /** The lab's own process may end without having stopped anything: an exception that nobody caught. */
  private readonly onExit = (): void => void this.process.kill('SIGKILL');
  private death: string | undefined;

  constructor(private readonly options: ChildOptions) {
    const log = openSync(this.logFile, 'a', 0o600);
    try {
      // Two threads each: this machine may have two cores for everything, and Go would take what it sees.
      const env = { PATH: process.env['PATH'] ?? '', HOME: options.directory, GOMAXPROCS: '2' };
      this.process = spawn(options.binary, options.args, { stdio: ['ignore', log, log], env, cwd: options.directory });
    } finally {
      closeSync(log);
    }
    if (this.process.pid !== undefined) writeFileSync(this.pidFile, `${this.process.pid}\n`, { mode: 0o600 });
    process.once('exit', this.onExit);
    this.ended = this.watch();
  }

  get name(): string {
    return this.options.name;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** @throws Error with the last log lines when the program has ended. */
  assertAlive(): void {
    if (this.death !== undefined) throw new Error(this.death);
  }

  /**
   * Kills it and waits until it is gone. At once (SIGKILL): nothing it has is kept, and an API server asked politely
   * waits for its watchers first.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    this.process.kill('SIGKILL');
    await this.ended;
  }

  private watch(): Promise<void> {
    return new Promise((resolve) => {
      let over = false;
      const end = (reason: string): void => {
        if (over) return;
        over = true;
        process.removeListener('exit', this.onExit);
        rmSync(this.pidFile, { force: true });
        this.death = `${this.options.name} ended (${reason}); its log ${this.logFile} ends with:\n${this.lastLines()}`;
        resolve();
        if (!this.stopping) this.options.onDeath(this.death);
      };
      this.process.on('error', (error) => end(error.message));
      this.process.on('close', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
  }

  private lastLines(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  }

  private get logFile(): string {
    return join(this.options.directory, `${this.options.name}.log`);
  }

  private get pidFile(): string {
    return join(this.options.directory, `${this.options.name}.pid`);
  }
}
