import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** An access key and its secret. */
export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface S3ServerOptions {
  /** The program versitygw. */
  binary: string;
  /** Where objects, their versions and the log are kept; is made when missing. */
  directory: string;
  /** A loopback address. */
  host: string;
  port: number;
  /** The administrator's, for whom no bucket policy counts. */
  credentials: S3Credentials;
  /** Users who may do what a bucket's policy allows them. */
  users?: S3Credentials[];
  /** Files of its certificate and key; absent: plain HTTP. */
  tls?: { certificate: string; key: string };
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
    const { host, port, tls } = this.options;
    return `${tls ? 'https' : 'http'}://${host}:${port}`;
  }

  /** For PULUMI_BACKEND_URL. */
  backendUrl(bucket: string): string {
    return `s3://${bucket}?endpoint=${this.endpoint}&s3ForcePathStyle=true&region=${S3_REGION}`;
  }

  /** Starts it, also after a stop: what it kept is still there. @throws Error with its log when it ends at once. */
  async start(): Promise<void> {
    const { binary, directory, host, port, credentials, tls } = this.options;
    // Versions must not lie below the buckets' folder.
    const [objects, versions] = [join(directory, 'objects'), join(directory, 'versions')];
    for (const folder of [objects, versions]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const log = openSync(this.logFile, 'a', 0o600);
    const args = ['--port', `${host}:${port}`, '--region', S3_REGION, '--quiet', '--iam-dir', this.writeUsers()];
    const secure = tls ? ['--cert', tls.certificate, '--key', tls.key] : [];
    const child = spawn(binary, [...args, ...secure, 'posix', '--versioning-dir', versions, objects], {
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

  /** In the server's own form. @returns the folder that it reads them from. */
  private writeUsers(): string {
    const folder = join(this.options.directory, 'users');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const accounts = (this.options.users ?? []).map(({ accessKeyId, secretAccessKey }) => [
      accessKeyId,
      { access: accessKeyId, secret: secretAccessKey, role: 'user', userID: 0, groupID: 0, projectID: 0 },
    ]);
    const file = { accessAccounts: Object.fromEntries(accounts) as object };
    writeFileSync(join(folder, 'users.json'), JSON.stringify(file), { mode: 0o600 });
    return folder;
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
