import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from '../talosSecrets/bundle';
import { mustBeSame, readCopy, writeCopy } from '../talosSecrets/copy';
import type { HeldSecrets } from '../talosSecrets/held';

export interface CopyWish {
  project: string;
  cluster: string;
  runId: string;
  /** Where; by default a file in .prox-ops/secrets/. */
  file?: string;
  recipients: string[];
}

/** @throws CommandError when there is a file of that name already that is no whole copy of these secrets. */
export async function checkExisting(held: HeldSecrets | undefined, file: string): Promise<void> {
  if (held && existsSync(file)) mustBeSame(file, await readCopy(file, []), held.bundle);
}

/**
 * Makes sure that a copy of the Talos secrets is outside of the state. One in plain text that is there already, from a run
 * that was interrupted, is read and compared instead. @returns its path. @throws CommandError; then nothing may go.
 */
export async function keepCopy(held: HeldSecrets, wish: CopyWish): Promise<string> {
  const { cluster, recipients } = wish;
  const encrypted = recipients.length > 0;
  const file = wish.file ?? defaultFile(held, wish, encrypted);
  if (!encrypted && existsSync(file)) await checkExisting(held, file);
  else await writeCopy(held.bundle, cluster, { file, recipients });
  return file;
}

/** An encrypted copy can't be compared later without its identity, so each run has one of its own. */
function defaultFile({ bundle }: HeldSecrets, { project, cluster, runId }: CopyWish, encrypted: boolean): string {
  const name = `${cluster}-${fingerprint(bundle)}`;
  return join(project, '.prox-ops', 'secrets', encrypted ? `${name}-${runId}.yaml.age` : `${name}.yaml`);
}
