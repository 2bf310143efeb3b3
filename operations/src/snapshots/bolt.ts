/** Reads bbolt database files (go.etcd.io/bbolt, format 2): etcd's backend, as a snapshot has it. */

const PAGE_HEADER = 16;
const ELEMENT = 16;
const MAGIC = 0xed0cdaed;
const BRANCH = 0x01;
const LEAF = 0x02;

export type Entry = [key: Buffer, value: Buffer];

/** A file that is no bolt database, or a damaged one. */
export class BoltError extends Error {
  override readonly name = 'BoltError';
}

/**
 * One bucket's keys and values, in their order; none when there is no such bucket. Nothing is copied.
 * @throws BoltError.
 */
export function* readBucket(file: Buffer, name: string): Generator<Entry> {
  const pages = new Pages(file);
  for (const [key, value] of pages.below(pages.root)) {
    if (key.toString() !== name) continue;
    const root = value.readBigUInt64LE(0);
    // A small bucket stands within its parent's value, behind the header.
    if (root === 0n) yield* pages.elements(value.subarray(PAGE_HEADER));
    else yield* pages.below(root);
    return;
  }
}

class Pages {
  readonly root: bigint;
  private readonly size: number;

  constructor(private readonly file: Buffer) {
    if (file.length < 4096 || file.readUInt32LE(PAGE_HEADER) !== MAGIC) throw new BoltError('no bolt database');
    this.size = file.readUInt32LE(PAGE_HEADER + 8);
    // Of the two meta pages the one of the later transaction counts.
    const metas = [0, this.size].map((start) => file.subarray(start + PAGE_HEADER, start + PAGE_HEADER + 64));
    const valid = metas.filter((meta) => meta.length === 64 && meta.readUInt32LE(0) === MAGIC);
    const [latest] = valid.sort((left, right) => Number(right.readBigUInt64LE(48) - left.readBigUInt64LE(48)));
    if (!latest) throw new BoltError('no meta page');
    this.root = latest.readBigUInt64LE(16);
  }

  *below(id: bigint): Generator<Entry> {
    const page = this.page(id);
    if ((page.readUInt16LE(8) & BRANCH) === 0) yield* this.elements(page);
    else for (const place of places(page)) yield* this.below(page.readBigUInt64LE(place + 8));
  }

  *elements(page: Buffer): Generator<Entry> {
    if ((page.readUInt16LE(8) & LEAF) === 0) throw new BoltError('a page of an unexpected kind');
    for (const place of places(page)) {
      const key = place + page.readUInt32LE(place + 4);
      const value = key + page.readUInt32LE(place + 8);
      yield [page.subarray(key, value), page.subarray(value, value + page.readUInt32LE(place + 12))];
    }
  }

  private page(id: bigint): Buffer {
    const start = Number(id) * this.size;
    if (start + this.size > this.file.length) throw new BoltError('a page behind the end of the file');
    return this.file.subarray(start, start + this.size * (1 + this.file.readUInt32LE(start + 12)));
  }
}

function places(page: Buffer): number[] {
  return Array.from({ length: page.readUInt16LE(10) }, (_, index) => PAGE_HEADER + index * ELEMENT);
}
