import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { reason } from './errors';
import type { Download } from './spec';

/** How long a site may take to answer. Short: where it is out of reach, the build is what gets one further. */
const ANSWER_LIMIT_MS = 4000;
/** How long a transfer that has begun may stand still. */
const STALL_LIMIT_MS = 20_000;

/** What is told while a download runs. */
export interface DownloadOptions {
  readonly onBytes?: (received: number, total: number | undefined) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Fetches official downloads. Keeps which hosts did not answer, so that each costs its wait once and not per tool. */
export class Downloader {
  private readonly outOfReach = new Map<string, string>();

  /**
   * Fetches and verifies a program into the file `target`; leaves nothing behind when it fails.
   * @throws Error when the site is out of reach, the answer is not 200, or the checksum is missing or another one.
   */
  async fetch(source: Download, target: string, options: DownloadOptions = {}): Promise<void> {
    const archive = `${target}.download`;
    try {
      const expected = checksumFor(basename(source.url), await this.text(source.checksumUrl, options));
      if (expected === undefined) {
        throw new Error(`${source.checksumUrl} names no checksum for ${basename(source.url)}`);
      }
      const found = await this.save(source.url, archive, options);
      if (found !== expected) {
        throw new Error(`${source.url}: expected SHA-256 ${expected}, found ${found}`);
      }
      await unpack(archive, source.archiveMember, target);
    } catch (error) {
      rmSync(target, { force: true });
      throw error;
    } finally {
      rmSync(archive, { force: true });
    }
  }

  private async text(url: string, options: DownloadOptions): Promise<string> {
    const chunks: Uint8Array[] = [];
    await this.stream(url, options, (chunk) => chunks.push(chunk));
    return Buffer.concat(chunks).toString('utf8');
  }

  /** @returns the SHA-256 of what was saved, in hexadecimal. */
  private async save(url: string, file: string, options: DownloadOptions): Promise<string> {
    const hash = createHash('sha256');
    const output = createWriteStream(file);
    const chunks = this.chunks(url, options, options.onBytes);
    await pipeline(async function* () {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    }, output);
    return hash.digest('hex');
  }

  private async stream(url: string, options: DownloadOptions, take: (chunk: Uint8Array) => void): Promise<void> {
    for await (const chunk of this.chunks(url, options)) {
      take(chunk);
    }
  }

  private async *chunks(
    url: string,
    { signal }: DownloadOptions,
    onBytes?: DownloadOptions['onBytes'],
  ): AsyncGenerator<Uint8Array> {
    const limit = new TimeLimit(signal);
    try {
      const response = await this.answer(url, limit);
      const total = Number(response.headers.get('content-length')) || undefined;
      let received = 0;
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        limit.restart(STALL_LIMIT_MS, `${url} stood still for ${STALL_LIMIT_MS / 1000} s`);
        received += chunk.length;
        onBytes?.(received, total);
        yield chunk;
      }
    } finally {
      limit.clear();
    }
  }

  private async answer(url: string, limit: TimeLimit): Promise<Response> {
    const { host } = new URL(url);
    const known = this.outOfReach.get(host);
    if (known !== undefined) {
      throw new Error(known);
    }
    limit.restart(ANSWER_LIMIT_MS, `${host} did not answer within ${ANSWER_LIMIT_MS / 1000} s`);
    const response = await fetch(url, { signal: limit.signal }).catch((error: unknown) => {
      limit.throwIfCancelled();
      const message = `${host} is out of reach (${reason(error)})`;
      this.outOfReach.set(host, message);
      throw new Error(message);
    });
    limit.restart(STALL_LIMIT_MS, `${url} stood still for ${STALL_LIMIT_MS / 1000} s`);
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`${url}: expected HTTP status 200, found ${response.status}`);
    }
    return response;
  }
}

/** A deadline that can be moved, joined with the caller's own abort signal. */
class TimeLimit {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;

  constructor(private readonly outer: AbortSignal | undefined) {
    this.signal = outer ? AbortSignal.any([outer, this.controller.signal]) : this.controller.signal;
  }

  restart(ms: number, message: string): void {
    this.clear();
    this.timer = setTimeout(() => this.controller.abort(new Error(message)), ms);
  }

  clear(): void {
    clearTimeout(this.timer);
  }

  /** A caller who gave up is no failing host. */
  throwIfCancelled(): void {
    this.outer?.throwIfAborted();
  }
}

/** The SHA-256 that a checksum file gives for `name`: a 'SHA256  NAME' line, or the only word of the file. */
export function checksumFor(name: string, text: string): string | undefined {
  const isSum = (word: string | undefined): word is string => /^[0-9a-f]{64}$/i.test(word ?? '');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const [only] = lines;
  if (lines.length === 1 && only?.length === 1) {
    return isSum(only[0]) ? only[0].toLowerCase() : undefined;
  }
  // An asterisk before the name marks a file that was read as binary.
  const line = lines.find(
    ([sum, file]) => isSum(sum) && file !== undefined && basename(file.replace(/^\*/, '')) === name,
  );
  return line?.[0]?.toLowerCase();
}

async function unpack(archive: string, member: string | undefined, target: string): Promise<void> {
  if (member === undefined) {
    await pipeline(createReadStream(archive), createWriteStream(target));
    return;
  }
  let found = false;
  const entries = extract();
  const reading = pipeline(createReadStream(archive), createGunzip(), entries);
  // Awaited below; until then a broken archive must not count as an unhandled rejection.
  reading.catch(() => undefined);
  for await (const entry of entries) {
    if (entry.header.name === member) {
      found = true;
      await pipeline(entry, createWriteStream(target));
    } else {
      entry.resume();
    }
  }
  await reading;
  if (!found) {
    throw new Error(`expected ${member} in ${basename(archive)}, found no such file there`);
  }
}
