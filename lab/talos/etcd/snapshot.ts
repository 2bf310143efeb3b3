import { createHash } from 'node:crypto';
import type { KeyValue } from '../../world/world.js';
import { BoltError, readBolt, writeBolt } from './bolt.js';
import { hex, type EtcdCluster } from './cluster.js';

const SHA256 = 32;
const SECTOR = 512;

/**
 * A snapshot of the cluster as etcd streams it: the backend's bolt file, then the SHA-256 of the file. The backend has
 * etcd's own buckets with the real membership and all that Kubernetes keeps: it holds secrets, as a real one does.
 */
export function takeSnapshot(cluster: EtcdCluster, contents: KeyValue[]): Buffer {
  const index = cluster.raftIndex;
  const database = writeBolt(
    {
      alarm: [],
      auth: [],
      authRevision: [],
      authRoles: [],
      authUsers: [],
      cluster: [[Buffer.from('clusterVersion'), Buffer.from('3.6.0')]],
      key: contents.map((entry, place) => [revisionKey(place + 2), keyValue(entry, place + 2)]),
      lease: [],
      members: cluster.list().map((member) => [Buffer.from(hex(member.id)), Buffer.from(describe(member))]),
      members_removed: [],
      meta: [
        [Buffer.from('consistent_index'), bigEndian(BigInt(index))],
        [Buffer.from('storageVersion'), Buffer.from('3.6.0')],
        [Buffer.from('term'), bigEndian(BigInt(cluster.raftTerm))],
      ],
    },
    BigInt(index + 2),
  );
  return Buffer.concat([database, createHash('sha256').update(database).digest()]);
}

/** About the size of the backend's file, which grows with every change. */
export function databaseSize(cluster: EtcdCluster): number {
  return 20 * 4096 + cluster.raftIndex * 100;
}

/**
 * What Kubernetes had when a snapshot was taken, as etcd's own restore reads it. @throws Error in its words when the
 * file is no snapshot, or (unless `skipHashCheck`) its checksum does not fit.
 */
export function restoreSnapshot(snapshot: Buffer, skipHashCheck: boolean): KeyValue[] {
  const hashed = snapshot.length % SECTOR === SHA256;
  if (!hashed && !skipHashCheck) throw new Error('snapshot missing hash but --skip-hash-check=false');
  const database = hashed ? snapshot.subarray(0, -SHA256) : snapshot;
  const sum = createHash('sha256').update(database).digest();
  if (hashed && !skipHashCheck && !sum.equals(snapshot.subarray(-SHA256)))
    throw new Error(`expected sha256 ${snapshot.subarray(-SHA256).toString('hex')}, got ${sum.toString('hex')}`);
  try {
    return (readBolt(database, 'key') ?? []).map(([, value]) => readKeyValue(value));
  } catch (error) {
    throw error instanceof BoltError || error instanceof RangeError ? new Error('invalid database') : error;
  }
}

/** Main and sub revision, as etcd's backend orders its keys. */
function revisionKey(revision: number): Buffer {
  return Buffer.concat([bigEndian(BigInt(revision)), Buffer.from('_'), bigEndian(0n)]);
}

/** An mvccpb.KeyValue: key, create_revision, mod_revision, version, value. */
function keyValue({ key, value }: KeyValue, revision: number): Buffer {
  const number = varint(revision);
  return Buffer.concat([
    ...[Buffer.from([0x0a]), varint(key.length), key],
    ...[Buffer.from([0x10]), number],
    ...[Buffer.from([0x18]), number],
    Buffer.from([0x20, 1]),
    ...[Buffer.from([0x2a]), varint(value.length), value],
  ]);
}

function readKeyValue(bytes: Buffer): KeyValue {
  const found: KeyValue = { key: Buffer.alloc(0), value: Buffer.alloc(0) };
  for (let at = 0; at < bytes.length;) {
    const field = bytes[at] ?? 0;
    const [number, next] = readVarint(bytes, at + 1);
    // Wire type 2 is bytes of a length; the others here are numbers.
    const end = (field & 7) === 2 ? next + number : next;
    if (field >> 3 === 1) found.key = bytes.subarray(next, end);
    if (field >> 3 === 5) found.value = bytes.subarray(next, end);
    at = end;
  }
  return found;
}

function readVarint(bytes: Buffer, start: number): [number: number, next: number] {
  let value = 0;
  for (let at = start, factor = 1; ; at++, factor *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, at + 1];
  }
}

function describe(member: { id: string; name: string; peerUrl: string; clientUrl: string; learner: boolean }): string {
  const { id, name, peerUrl, clientUrl, learner } = member;
  const parts = [
    `"id":${id}`,
    `"peerURLs":["${peerUrl}"]`,
    ...(learner ? ['"isLearner":true'] : []),
    `"name":"${name}"`,
    `"clientURLs":["${clientUrl}"]`,
  ];
  return `{${parts.join(',')}}`;
}

function bigEndian(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 0x80);
  }
}
