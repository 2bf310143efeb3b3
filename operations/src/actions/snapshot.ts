import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Talos } from '../clients/talos.js';
import { messageOf, Stop } from '../runtime/errors.js';
import type { Step } from '../step.js';

const SHA256 = 32;
/** bolt's magic number, in the meta record of the file's first page, behind that page's 16-byte header. */
const BOLT_MAGIC = 0xed0cdaed;
const MAGIC_OFFSET = 16;
/** etcd writes whole disk sectors. */
const SECTOR = 512;

/**
 * Takes an etcd snapshot from the control plane at `address` and keeps it only when it is whole.
 * @returns its path. @throws Stop when it is not; then no file is left.
 */
export async function takeSnapshot(step: Step, address: string): Promise<string> {
  const { settings, inputs, node, ctx, session } = step;
  const names = { cluster: inputs.access.clusterName, node: node.name, at: ctx.clock.now() };
  return keepSnapshot(session.talos, address, settings.snapshotDirectory, names);
}

/** The same outside of a node's turn. @param names what the file is called by; `at` in milliseconds since the epoch. */
export async function keepSnapshot(
  talos: Pick<Talos, 'etcdSnapshot'>,
  address: string,
  directory: string,
  names: { cluster: string; node: string; at: number },
): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const stamp = new Date(names.at).toISOString().replaceAll(/[:.]/g, '-');
  const path = join(directory, `etcd-${names.cluster}-${names.node}-${stamp}.db`);
  await writeSnapshot(talos, address, path);
  return path;
}

/** Writes a snapshot that is whole to `path`, readable by its owner alone. @throws Stop; then there is no such file. */
export async function writeSnapshot(talos: Pick<Talos, 'etcdSnapshot'>, address: string, path: string): Promise<void> {
  const partial = `${path}.partial`;
  try {
    // A file that exists keeps its mode: what talosctl writes into is private before the first byte.
    await (await open(partial, 'wx', 0o600)).close();
    await talos.etcdSnapshot(address, partial);
    await chmod(partial, 0o600);
    await verifySnapshot(partial);
    await rename(partial, path);
  } catch (error) {
    // talosctl leaves a bad file behind.
    await rm(partial, { force: true });
    if (error instanceof Stop) throw error;
    throw new Stop('a snapshot of etcd', messageOf(error));
  }
}

/** @throws Stop unless the file is a bolt database followed by its own SHA-256. */
export async function verifySnapshot(file: string): Promise<void> {
  const { size } = await stat(file);
  if (size <= SHA256 || size % SECTOR !== SHA256) throw broken(`${size} bytes`);
  const [head, sum] = await endsOf(file, size);
  if (head.readUInt32LE(MAGIC_OFFSET) !== BOLT_MAGIC) throw broken('a file that is no bolt database');
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { end: size - SHA256 - 1 })) hash.update(chunk as Buffer);
  if (!hash.digest().equals(sum)) throw broken('a checksum that does not fit its content');
}

async function endsOf(file: string, size: number): Promise<[Buffer, Buffer]> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(MAGIC_OFFSET + 4);
    const sum = Buffer.alloc(SHA256);
    await handle.read(head, 0, head.length, 0);
    await handle.read(sum, 0, SHA256, size - SHA256);
    return [head, sum];
  } finally {
    await handle.close();
  }
}

function broken(found: string): Stop {
  return new Stop('a whole etcd snapshot (bolt database and its checksum)', found);
}
