/** Keys and values of one bucket; the writer sorts them. */
export type Bucket = [key: Buffer, value: Buffer][];

const PAGE = 4096;
const PAGE_HEADER = 16;
const ELEMENT = 16;
const BUCKET_HEADER = 16;
const MAGIC = 0xed0cdaed;
const FORMAT = 2;
const BRANCH = 0x01;
const LEAF = 0x02;
const META = 0x04;
const FREELIST = 0x10;
const SUB_BUCKET = 0x01;

/**
 * A bbolt database file (go.etcd.io/bbolt, format 2) with the given buckets: two meta pages, an empty free list, one
 * leaf page for the buckets' names, and one leaf (with overflow pages) for each bucket.
 */
export function writeBolt(buckets: Record<string, Bucket>, transaction: bigint): Buffer {
  const pages: Buffer[] = [];
  let next = 4;
  const roots = Object.entries(buckets).map(([name, entries]): [Buffer, Buffer] => {
    const page = leafPage(next, entries, 0);
    const header = Buffer.alloc(BUCKET_HEADER);
    header.writeBigUInt64LE(BigInt(next), 0);
    pages.push(page);
    next += page.length / PAGE;
    return [Buffer.from(name), header];
  });
  const root = leafPage(3, roots, SUB_BUCKET);
  if (root.length > PAGE) throw new RangeError(`bolt: ${roots.length} buckets do not fit on one page`);
  const metas = [0, 1].map((id) => metaPage(id, next, transaction - BigInt(1 - id)));
  return Buffer.concat([...metas, emptyPage(2, FREELIST), root, ...pages]);
}

function leafPage(id: number, entries: Bucket, flags: number): Buffer {
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(a, b));
  if (sorted.length > 0xfffe) throw new RangeError(`bolt: ${sorted.length} keys do not fit on one leaf`);
  const data = Buffer.concat(sorted.flat());
  const size = PAGE_HEADER + sorted.length * ELEMENT + data.length;
  const page = Buffer.alloc(Math.max(1, Math.ceil(size / PAGE)) * PAGE);
  writeHeader(page, { id, flags: LEAF, count: sorted.length, overflow: page.length / PAGE - 1 });
  let position = PAGE_HEADER + sorted.length * ELEMENT;
  sorted.forEach(([key, value], index) => {
    const element = PAGE_HEADER + index * ELEMENT;
    page.writeUInt32LE(flags, element);
    // Counted from the element itself, not from the page.
    page.writeUInt32LE(position - element, element + 4);
    page.writeUInt32LE(key.length, element + 8);
    page.writeUInt32LE(value.length, element + 12);
    position += key.length + value.length;
  });
  data.copy(page, PAGE_HEADER + sorted.length * ELEMENT);
  return page;
}

function metaPage(id: number, pages: number, transaction: bigint): Buffer {
  const page = emptyPage(id, META);
  const meta = page.subarray(PAGE_HEADER);
  meta.writeUInt32LE(MAGIC, 0);
  meta.writeUInt32LE(FORMAT, 4);
  meta.writeUInt32LE(PAGE, 8);
  meta.writeBigUInt64LE(3n, 16);
  meta.writeBigUInt64LE(2n, 32);
  meta.writeBigUInt64LE(BigInt(pages), 40);
  meta.writeBigUInt64LE(transaction, 48);
  meta.writeBigUInt64LE(fnv1a(meta.subarray(0, 56)), 56);
  return page;
}

function emptyPage(id: number, flags: number): Buffer {
  const page = Buffer.alloc(PAGE);
  writeHeader(page, { id, flags, count: 0, overflow: 0 });
  return page;
}

function writeHeader(
  page: Buffer,
  { id, flags, count, overflow }: { id: number; flags: number; count: number; overflow: number },
): void {
  page.writeBigUInt64LE(BigInt(id), 0);
  page.writeUInt16LE(flags, 8);
  page.writeUInt16LE(count, 10);
  page.writeUInt32LE(overflow, 12);
}

/** 64-bit FNV-1a: a meta page's checksum. */
function fnv1a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash;
}

/** A file that is no bolt database, or a damaged one. */
export class BoltError extends Error {}

/** The keys and values of one bucket of a bbolt file, in their order; undefined when there is no such bucket. */
export function readBolt(file: Buffer, bucket: string): Bucket | undefined {
  const meta = file.subarray(PAGE_HEADER, PAGE_HEADER + 64);
  if (meta.length < 64 || meta.readUInt32LE(0) !== MAGIC) throw new BoltError('invalid database');
  const found = walk(file, meta.readBigUInt64LE(16)).find(([name]) => name.toString() === bucket);
  return found && walk(file, found[1].readBigUInt64LE(0));
}

/** Everything below a page: a leaf's own elements, or those of a branch's children. */
function walk(file: Buffer, id: bigint): Bucket {
  const start = Number(id) * PAGE;
  if (start + PAGE > file.length) throw new BoltError(`page ${id} is behind the end of the file`);
  const page = file.subarray(start, start + PAGE * (1 + file.readUInt32LE(start + 12)));
  const [flags, count] = [page.readUInt16LE(8), page.readUInt16LE(10)];
  const places = Array.from({ length: count }, (_, index) => PAGE_HEADER + index * ELEMENT);
  if ((flags & BRANCH) !== 0) return places.flatMap((place) => walk(file, page.readBigUInt64LE(place + 8)));
  if ((flags & LEAF) === 0) throw new BoltError(`page ${id} is of another kind: ${flags}`);
  return places.map((place) => {
    const key = place + page.readUInt32LE(place + 4);
    const value = key + page.readUInt32LE(place + 8);
    return [page.subarray(key, value), page.subarray(value, value + page.readUInt32LE(place + 12))];
  });
}
