import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { LabError } from './errors.js';

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/** Where labs are kept: ${XDG_STATE_HOME:-~/.local/state}/prox-ops/labs/NAME. */
export function defaultDirectory(name: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'prox-ops', 'labs', name);
}

/** The files of one lab. The folder is its owner's alone, and so is every file in it. */
export class LabDirectory {
  /** Says which process runs the lab; see record.ts. */
  readonly record: string;
  readonly events: string;
  readonly verdict: string;
  /** What the daemon prints. */
  readonly log: string;
  /** Of the Proxmox API, and everything that a client has to trust: the system's authorities and this one. */
  readonly authority: string;
  readonly trust: string;
  /** Proxmox API token, USER@REALM!ID=UUID. */
  readonly proxmoxToken: string;
  /** Bearer token of the lab's own API. */
  readonly controlToken: string;
  /** Of the stack's secrets. */
  readonly passphrase: string;
  /** Pulumi's file backend, and its home. */
  readonly state: string;
  readonly pulumiHome: string;
  /** Logs, keys and process ids of the Kubernetes control plane; owned by lab/kubernetes. */
  readonly kubernetes: string;
  /** What clients of the lab print; the monitor looks through all of it. */
  readonly logs: string;
  /** Tells a lab's folder from others. */
  private readonly marker: string;

  constructor(readonly path: string) {
    this.record = join(path, 'lab.json');
    this.events = join(path, 'events.jsonl');
    this.verdict = join(path, 'verdict.json');
    this.log = join(path, 'lab.log');
    this.authority = join(path, 'ca.crt');
    this.trust = join(path, 'trust.crt');
    this.proxmoxToken = join(path, 'proxmox-token');
    this.controlToken = join(path, 'control-token');
    this.passphrase = join(path, 'passphrase');
    this.state = join(path, 'state');
    this.pulumiHome = join(path, 'pulumi-home');
    this.kubernetes = join(path, 'kubernetes');
    this.logs = join(path, 'logs');
    this.marker = join(path, 'README');
  }

  /** Makes the folder, or refuses one that is not a lab's. @throws LabError */
  create(): void {
    const foreign = existsSync(this.path) && readdirSync(this.path).length > 0 && !existsSync(this.marker);
    if (foreign) {
      throw new LabError(
        `lab directory: expected an empty folder or one of an earlier lab, found other files in ${this.path}; ` +
          'choose another name with --name',
      );
    }
    mkdirSync(this.path, { recursive: true, mode: OWNER_ONLY_FOLDER });
    chmodSync(this.path, OWNER_ONLY_FOLDER);
    this.write(this.marker, 'A lab of prox-ops; everything here goes when it is started again.\n');
  }

  /** Empties it but for the record: a lab's world ended with its process, and stale state would speak of VMs that are gone. */
  clear(): void {
    const kept = new Set([this.record, this.marker, this.log]);
    for (const name of readdirSync(this.path)) {
      const path = join(this.path, name);
      if (!kept.has(path)) rmSync(path, { recursive: true, force: true });
    }
    for (const folder of [this.state, this.pulumiHome, this.kubernetes, this.logs]) this.folder(folder);
  }

  /** The credentials are of no use once the lab is down. */
  forgetSecrets(): void {
    for (const file of [this.proxmoxToken, this.controlToken, this.passphrase]) rmSync(file, { force: true });
  }

  write(path: string, text: string): void {
    writeFileSync(path, text, { mode: OWNER_ONLY_FILE });
  }

  private folder(path: string): void {
    mkdirSync(path, { mode: OWNER_ONLY_FOLDER });
  }
}
