import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { CommandError, ExitCode } from '../exit';
import { secrets } from '../secrets';
import { bundleText, differences, fingerprint, readBundle, type SecretsBundle } from './bundle';

export interface CopyTarget {
  file: string;
  /** age1...: encrypted for whoever has its identity. Without any, the copy is in plain text. */
  recipients: string[];
}

const SUM = /^# sha256: ([0-9a-f]{64})\n/m;
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';

/**
 * Writes a copy of the Talos secrets that only its owner may read, reads it back from the disk and compares it. An
 * encrypted copy is encrypted for one more key, of this process alone, so that it can be read back as well.
 * @throws CommandError when the file is there already, or what was read back is not what was to be written.
 */
export async function writeCopy(bundle: SecretsBundle, cluster: string, target: CopyTarget): Promise<void> {
  const partial = `${target.file}.partial`;
  const own = target.recipients.length > 0 ? await generateX25519Identity() : undefined;
  await mkdir(dirname(target.file), { recursive: true, mode: 0o700 });
  const text = copyText(bundle, cluster);
  try {
    await refuseExisting(target.file);
    await write(partial, own === undefined ? text : await encrypted(text, [...target.recipients, own]));
    const back = await readCopy(partial, own === undefined ? [] : [own]);
    const wrong = differences(bundle, back);
    if (wrong.length > 0)
      throw refused(target.file, `the secrets as written; what was read back differs in ${list(wrong)}`);
    await rename(partial, target.file);
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof CommandError) throw error;
    throw new CommandError(
      `${target.file}: expected to write a copy of the Talos secrets there, found: ${said(error)}`,
    );
  }
}

/** secrets.yaml behind a heading that tells whose it is and lets a truncated copy be known. */
function copyText(bundle: SecretsBundle, cluster: string): string {
  const body = bundleText(bundle);
  return [
    `# Talos secrets of cluster ${cluster} (OS authority ${fingerprint(bundle)}). Whoever has them owns the cluster.`,
    `# sha256: ${sum(body)}`,
    body,
  ].join('\n');
}

/**
 * Reads a copy, or a secrets.yaml of talosctl's own.
 * @param identities AGE-SECRET-KEY-1..., for an encrypted one.
 * @throws CommandError naming what is wrong with it; no value is told.
 */
export async function readCopy(file: string, identities: string[]): Promise<SecretsBundle> {
  const raw = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandError(`${file}: expected a copy of the Talos secrets, found: ${said(error)}`);
  });
  const text = raw.startsWith(ARMOR) ? await decrypted(file, raw, identities) : raw;
  const head = SUM.exec(text);
  if (head && sum(text.slice(head.index + head[0].length)) !== head[1])
    throw refused(file, 'a whole copy; its checksum does not fit its content: it is truncated or was changed');
  const read = readBundle(text);
  if ('problems' in read)
    throw refused(file, ['a whole secrets.yaml, found:', ...read.problems.map((problem) => `  ${problem}`)].join('\n'));
  secrets.addDocument(bundleText(read.bundle));
  return read.bundle;
}

/** @throws CommandError unless the copy is of these secrets. */
export function mustBeSame(file: string, found: SecretsBundle, expected: SecretsBundle): void {
  const wrong = differences(expected, found);
  if (wrong.length === 0) return;
  const [theirs, ours] = [fingerprint(found), fingerprint(expected)];
  if (theirs !== ours)
    throw refused(file, `secrets of the cluster with OS authority ${ours}, found another cluster's: ${theirs}`);
  throw refused(file, `the secrets in the stack's state, found other values of ${list(wrong)}`);
}

async function encrypted(text: string, recipients: string[]): Promise<string> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) await addRecipient(encrypter, recipient);
  return armor.encode(await encrypter.encrypt(text));
}

async function addRecipient(encrypter: Encrypter, recipient: string): Promise<void> {
  if (recipient.startsWith('AGE-SECRET-KEY-')) {
    encrypter.addRecipient(await identityToRecipient(recipient));
    return;
  }
  try {
    encrypter.addRecipient(recipient);
  } catch {
    throw new CommandError(`--recipient: expected an age recipient (age1...), found ${recipient}`);
  }
}

async function decrypted(file: string, armored: string, identities: string[]): Promise<string> {
  if (identities.length === 0)
    throw refused(file, 'a copy in plain text, or --identity FILE with the age identity for it; found it encrypted');
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(armor.decode(armored.trim()), 'text');
  } catch (error) {
    throw refused(file, `a copy encrypted for this identity, whole; found: ${said(error)}`);
  }
}

/** The identities in a file as age-keygen writes it. @throws CommandError when it has none. */
export async function readIdentities(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandError(`--identity: expected a file with age identities, found: ${said(error)}`);
  });
  const identities = text.split('\n').flatMap((line) => (line.startsWith('AGE-SECRET-KEY-') ? [line.trim()] : []));
  for (const identity of identities) secrets.add(identity);
  if (identities.length === 0)
    throw new CommandError(`--identity: expected a line AGE-SECRET-KEY-1... in ${file}, found none`);
  return identities;
}

async function refuseExisting(file: string): Promise<void> {
  const there = await open(file, 'r').catch(() => undefined);
  await there?.close();
  if (there) throw new CommandError(`${file}: expected no file of that name yet, found one. It was left as it is.`);
}

async function write(file: string, text: string): Promise<void> {
  await rm(file, { force: true });
  const handle = await open(file, 'wx', 0o600);
  try {
    // The umask can't take bits away that the mode does not have, but a default ACL can add some.
    await chmod(file, 0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function refused(file: string, expected: string): CommandError {
  return new CommandError(`${file}: expected ${expected}. Nothing was changed.`, ExitCode.blocked);
}

function sum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function list(paths: string[]): string {
  return paths.slice(0, 5).join(', ') + (paths.length > 5 ? ` and ${paths.length - 5} more` : '');
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
