import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface S3ServerOptions {
  /** The program versitygw. */
  binary: string;
  /** Where objects, their versions and the log are kept; is made when missing. */
  directory: string;
  /** A loopback address. */
  host: string;
  port: number;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

export const S3_REGION = 'eu-central-1';

/**
 * An S3 server on loopback, over a folder: buckets, objects, versions, policies. Bucket encryption, lifecycle and public
 * access blocks are not implemented by it (HTTP 501).
 */
export class S3Server {
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();

  constructor(private readonly options: S3ServerOptions) {}

  get endpoint(): string {
    return `http://${this.options.host}:${this.options.port}`;
  }

  /** For PULUMI_BACKEND_URL. */
  backendUrl(bucket: string): string {
    return `s3://${bucket}?endpoint=${this.endpoint}&s3ForcePathStyle=true&region=${S3_REGION}`;
  }

  /** Starts it, also after a stop: what it kept is still there. @throws Error with its log when it ends at once. */
  async start(): Promise<void> {
    const { binary, directory, host, port, credentials } = this.options;
    // Versions must not lie below the buckets' folder.
    const [objects, versions] = [join(directory, 'objects'), join(directory, 'versions')];
    for (const folder of [objects, versions]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const log = openSync(this.logFile, 'a', 0o600);
    const args = ['--port', `${host}:${port}`, '--region', S3_REGION, '--quiet'];
    const child = spawn(binary, [...args, 'posix', '--versioning-dir', versions, objects], {
      stdio: ['ignore', log, log],
      // Credentials of the environment are not seen in a process list.
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: directory,
        ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
        ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
    });
    closeSync(log);
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
    await this.answers(child);
  }

  /** Ends it at once, as a lost connection would. */
  async stop(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  /** It tells nobody when it listens. */
  private async answers(child: ChildProcess): Promise<void> {
    while (!(await listens(this.options.host, this.options.port))) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
        throw new Error(`the S3 server ended; its log says:\n${readFileSync(this.logFile, 'utf8')}`);
      await sleep(20);
    }
  }

  private get logFile(): string {
    return join(this.options.directory, 'versitygw.log');
  }
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
