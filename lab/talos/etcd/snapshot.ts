import { createHash } from 'node:crypto';
import { writeBolt, type Bucket } from './bolt.js';
import { hex, type EtcdCluster } from './cluster.js';

/**
 * A snapshot of the cluster as etcd streams it: the backend's bolt file, then the SHA-256 of the file. The backend has
 * etcd's own buckets with the real membership; its keys are names alone, for what Kubernetes keeps is in the lab's real
 * etcd and would be secrets.
 */
export function takeSnapshot(cluster: EtcdCluster): Buffer {
  const index = cluster.raftIndex;
  const database = writeBolt(
    {
      alarm: [],
      auth: [],
      authRevision: [],
      authRoles: [],
      authUsers: [],
      cluster: [[Buffer.from('clusterVersion'), Buffer.from('3.6.0')]],
      key: keys(index),
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

/** One revision for each of the latest changes, oldest first. */
function keys(index: number): Bucket {
  return Array.from({ length: Math.min(index, 500) }, (_, place) => {
    const revision = index - Math.min(index, 500) + place + 2;
    return [revisionKey(revision), keyValue(`/registry/events/lab/${String(revision).padStart(8, '0')}`, revision)];
  });
}

/** Main and sub revision, as etcd's backend orders its keys. */
function revisionKey(revision: number): Buffer {
  return Buffer.concat([bigEndian(BigInt(revision)), Buffer.from('_'), bigEndian(0n)]);
}

/** An mvccpb.KeyValue: key, create_revision, mod_revision, version. */
function keyValue(key: string, revision: number): Buffer {
  const number = varint(revision);
  const name = Buffer.from(key);
  return Buffer.concat([
    Buffer.from([0x0a]),
    varint(name.length),
    name,
    Buffer.from([0x10]),
    number,
    Buffer.from([0x18]),
    number,
    Buffer.from([0x20, 1]),
  ]);
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
