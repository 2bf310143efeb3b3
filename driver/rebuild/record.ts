import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CommandError } from '../exit';
import { secrets } from '../secrets';
import type { OldAccess } from './identity';

const shape = z.strictObject({
  v: z.literal(1),
  /** Fingerprint of the Talos secrets that the rebuild is made with. */
  authority: z.string(),
  /** Whether a rebuild has begun since the last tear-down: an etcd that is found then is its own. */
  begun: z.boolean(),
  /** When, in milliseconds since the epoch. */
  since: z.number(),
  /** Nodes whose VMs were made anew, by any of the runs. */
  made: z.array(z.string()),
  kubeconfig: z.string().optional(),
  talosconfig: z.string().optional(),
  /** What etcd is to begin from. */
  snapshot: z.strictObject({ file: z.string(), sha256: z.string() }).optional(),
});

/**
 * What a rebuild must not lose when it is interrupted, from its first change to its last proof: the credentials that were
 * handed out before (the first update overwrites the stack's outputs with none), and which snapshot etcd begins from.
 * Holds secrets.
 */
export type RebuildRecord = z.infer<typeof shape>;

/** The record of a stack's unfinished rebuild: readable by its owner alone, gone when the rebuild is over. */
export class RecordFile {
  readonly path: string;

  constructor(project: string, stack: string) {
    this.path = join(project, '.prox-ops', 'rebuild', `${stack}.json`);
  }

  /**
   * Which snapshot an unfinished rebuild begins etcd from: nothing else may begin it meanwhile.
   * @returns its path. @throws CommandError when the record can't be read.
   */
  pendingSnapshot(): string | undefined {
    return this.known()?.snapshot?.file;
  }

  /**
   * @param authority of the secrets that the state holds: a record of others is about a cluster that is no more.
   * @returns undefined when no rebuild is unfinished. @throws CommandError when it can't be read.
   */
  read(authority: string): RebuildRecord | undefined {
    const record = this.known();
    if (record?.authority !== authority) return undefined;
    learn(record);
    return record;
  }

  write(record: RebuildRecord): void {
    learn(record);
    const folder = dirname(this.path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    // Never half written: an interrupted run reads it.
    const partial = `${this.path}.partial`;
    rmSync(partial, { force: true });
    writeFileSync(partial, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
    renameSync(partial, this.path);
  }

  /** A tear-down begins: the next rebuild begins anew, and the credentials are still those that were handed out. */
  tornDown(): void {
    const record = this.parsed();
    if (!record) return this.remove();
    delete record.snapshot;
    this.write({ ...record, begun: false, made: [] });
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  private known(): RebuildRecord | undefined {
    const record = this.parsed();
    if (record || !existsSync(this.path)) return record;
    throw new CommandError(
      `${this.path}: expected the record of an unfinished rebuild, found something else. Without it the credentials ` +
        'from before are not tried, and no snapshot is known: remove it to go on.',
    );
  }

  private parsed(): RebuildRecord | undefined {
    try {
      return shape.parse(JSON.parse(readFileSync(this.path, 'utf8')));
    } catch {
      return undefined;
    }
  }
}

function learn({ kubeconfig, talosconfig }: RebuildRecord): void {
  for (const document of [kubeconfig, talosconfig]) if (document !== undefined) secrets.addDocument(document);
}

/** The credentials of a record. */
export function accessOf({ kubeconfig, talosconfig }: RebuildRecord): OldAccess {
  return { ...(kubeconfig !== undefined && { kubeconfig }), ...(talosconfig !== undefined && { talosconfig }) };
}
