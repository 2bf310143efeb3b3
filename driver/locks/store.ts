import type { S3Client } from '@aws-sdk/client-s3';
import type { Stack } from '@pulumi/pulumi/automation';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../exit';
import { stateLocation, type StateLocation } from './location';

/** A lock of the Pulumi CLI: an object that each run names by itself and deletes when it ends. It never expires. */
export interface StackLock {
  /** Name of its object. */
  id: string;
  user: string;
  host: string;
  pid: number;
  since: Date;
}

/** The locks of one stack. The CLI itself can only remove all of them at once, and not show them. */
export interface LockStore {
  list(): Promise<StackLock[]>;
  /** Removes this one lock. Another run's, taken in the meantime, stays. */
  remove(lock: StackLock): Promise<void>;
}

/** The locks of an opened stack. @throws CommandError for a backend that is neither files nor S3. */
export async function lockStore(stack: Stack): Promise<LockStore> {
  const { url } = await stack.workspace.whoAmI();
  const location = stateLocation(url ?? '', stack.workspace.workDir);
  if (!location)
    throw new CommandError(
      `Locks can be looked at in a file:// or s3:// backend, found ${url ?? 'no address'}. ` +
        `Once its owner is gone for certain: pulumi cancel --stack ${stack.name}`,
    );
  const { name: project } = await stack.workspace.projectSettings();
  return storeAt(location, `.pulumi/locks/organization/${project}/${stack.name}`);
}

/** @param folder of the stack's locks, from the backend's own root. */
export function storeAt(location: StateLocation, folder: string): LockStore {
  return location.kind === 'file' ? new FileLocks(join(location.directory, folder)) : new S3Locks(location, folder);
}

class FileLocks implements LockStore {
  constructor(private readonly directory: string) {}

  async list(): Promise<StackLock[]> {
    const names = await readdir(this.directory).catch(unlessMissing<string[]>);
    const files = (names ?? []).filter((name) => name.endsWith('.json')).map((name) => join(this.directory, name));
    return readAll(files, (file) => readFile(file, 'utf8').catch(unlessMissing<string>));
  }

  async remove({ id }: StackLock): Promise<void> {
    await rm(id, { force: true });
  }
}

function unlessMissing<T>(error: NodeJS.ErrnoException): T | undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

class S3Locks implements LockStore {
  private client: S3Client | undefined;

  constructor(
    private readonly location: Extract<StateLocation, { kind: 's3' }>,
    private readonly folder: string,
  ) {}

  async list(): Promise<StackLock[]> {
    const { ListObjectsV2Command } = await sdk();
    const { bucket, prefix } = this.location;
    const client = await this.connect();
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}${this.folder}/` });
    const { Contents = [] } = await client.send(command);
    const keys = Contents.flatMap(({ Key }) => (Key?.endsWith('.json') ? [Key] : []));
    return readAll(keys, (key) => this.read(client, key));
  }

  async remove({ id }: StackLock): Promise<void> {
    const { DeleteObjectCommand } = await sdk();
    const client = await this.connect();
    await client.send(new DeleteObjectCommand({ Bucket: this.location.bucket, Key: id }));
  }

  private async read(client: S3Client, key: string): Promise<string | undefined> {
    const { GetObjectCommand, NoSuchKey } = await sdk();
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: this.location.bucket, Key: key }));
      return await Body?.transformToString();
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  private async connect(): Promise<S3Client> {
    const { S3Client } = await sdk();
    const { region, endpoint, forcePathStyle, profile } = this.location;
    return (this.client ??= new S3Client({
      forcePathStyle,
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint }),
      ...(profile !== undefined && { profile }),
    }));
  }
}

/** Loaded when it is needed: most commands never look at a lock in S3. */
function sdk(): Promise<typeof import('@aws-sdk/client-s3')> {
  // A notice about future Node releases is nothing to say in the middle of a rollout.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  return import('@aws-sdk/client-s3');
}

/** Reads locks; one that is gone by now is left out. */
async function readAll(ids: string[], read: (id: string) => Promise<string | undefined>): Promise<StackLock[]> {
  const locks = await Promise.all(ids.map(async (id) => parse(id, await read(id))));
  return locks.filter((lock) => lock !== undefined).sort((a, b) => a.since.getTime() - b.since.getTime());
}

function parse(id: string, text: string | undefined): StackLock | undefined {
  if (text === undefined) return undefined;
  try {
    const { pid, username, hostname, timestamp } = JSON.parse(text) as Record<string, unknown>;
    const since = new Date(String(timestamp));
    if (typeof pid === 'number' && typeof username === 'string' && typeof hostname === 'string' && !isNaN(+since))
      return { id, user: username, host: hostname, pid, since };
  } catch {
    // Told below, like everything else that is no lock.
  }
  throw new CommandError(`${id}: expected a lock of the Pulumi CLI (pid, username, hostname, timestamp), found none`);
}
