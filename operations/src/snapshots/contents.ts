import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { verifySnapshot } from '../actions/snapshot.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { BoltError, readBucket, type Entry } from './bolt.js';

/** What an etcd snapshot says of where it is from. Holds no secret. */
export interface SnapshotContents {
  /** Of the whole file, hex. */
  sha256: string;
  bytes: number;
  keys: number;
  /** Version of etcd that wrote it, major and minor: 3.6. Empty when it does not say. */
  etcd: string;
  members: { name: string; peerUrls: string[] }[];
  /** Kubelet releases of the nodes in it: v1.34.1. */
  kubelets: string[];
  /** Names of the nodes in it. */
  nodes: string[];
  /** Names of the namespaces in it. */
  namespaces: string[];
  /** UID of the namespace kube-system, which no other cluster has, nor this one after an empty etcd; undefined without. */
  uid?: string;
  /** The Kubernetes authority that the cluster publishes to its pods, PEM; undefined when it is not in it. */
  authority?: string;
}

/** Where kube-controller-manager publishes the authority; a ConfigMap is stored as it is, unlike a Secret. */
const AUTHORITY = '/registry/configmaps/kube-system/kube-root-ca.crt';
const NODES = '/registry/minions/';
const NAMESPACES = '/registry/namespaces/';
const SYSTEM = `${NAMESPACES}kube-system`;
const KUBELET_TAG = 0x3a;
const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/;
/** ObjectMeta has the object's own UID before any other. */
const UID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** In mvccpb.KeyValue, as the first of its fields. */
const KEY_TAG = 0x0a;
/** Two revisions of 8 bytes and what parts them; a deletion has one byte more, and no value. */
const REVISION = 17;

/**
 * Reads a snapshot whose checksum fits. The whole file is in memory meanwhile; etcd's own limit is 8 GiB, Talos' 2 GiB.
 * @throws Stop when it is no whole snapshot.
 */
export async function readSnapshot(file: string): Promise<SnapshotContents> {
  try {
    await verifySnapshot(file);
    return contentsOf(await readFile(file));
  } catch (error) {
    if (error instanceof Stop) throw error;
    throw new Stop(
      'an etcd snapshot',
      error instanceof BoltError || isMissing(error) ? messageOf(error) : String(error),
    );
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code !== undefined;
}

function contentsOf(file: Buffer): SnapshotContents {
  const entries = [...readBucket(file, 'key')];
  const latest = latestOf(entries);
  const under = (prefix: string) => [...latest.keys()].filter((key) => key.startsWith(prefix));
  const names = (prefix: string) =>
    under(prefix)
      .map((key) => key.slice(prefix.length))
      .sort();
  const kubelets = under(NODES).flatMap((key) => kubeletOf(latest.get(key) ?? NOTHING) ?? []);
  const authority = PEM.exec(latest.get(AUTHORITY)?.toString('latin1') ?? '')?.[0];
  const uid = UID.exec(latest.get(SYSTEM)?.toString('latin1') ?? '')?.[0];
  return {
    sha256: createHash('sha256').update(file).digest('hex'),
    bytes: file.length,
    keys: entries.length,
    etcd: versionOf(file),
    members: [...readBucket(file, 'members')].map(([, value]) => memberOf(value)),
    kubelets: [...new Set(kubelets)].sort(),
    nodes: names(NODES),
    namespaces: names(NAMESPACES),
    ...(uid !== undefined && { uid }),
    ...(authority !== undefined && { authority }),
  };
}

const NOTHING = Buffer.alloc(0);

/** What is looked at, by key: entries come in the order of revisions, a later one counts, and a deletion takes it away. */
function latestOf(entries: Entry[]): Map<string, Buffer> {
  const latest = new Map<string, Buffer>();
  for (const [revision, entry] of entries) {
    const key = keyOf(entry);
    if (key !== AUTHORITY && !key.startsWith(NODES) && !key.startsWith(NAMESPACES)) continue;
    if (revision.length > REVISION) latest.delete(key);
    else latest.set(key, entry.subarray(key.length));
  }
  return latest;
}

/** Keys of Kubernetes are shorter than 16 KiB, so that their length is a varint of two bytes at most. */
function keyOf(entry: Buffer): string {
  if (entry[0] !== KEY_TAG) return '';
  const low = entry[1] ?? 0;
  const [length, start] = low < 0x80 ? [low, 2] : [(low & 0x7f) | ((entry[2] ?? 0) << 7), 3];
  return entry.subarray(start, start + length).toString();
}

/** NodeSystemInfo.kubeletVersion is field 7: its tag, its length, its text. */
function kubeletOf(entry: Buffer): string | undefined {
  for (let at = entry.indexOf(KUBELET_TAG); at >= 0; at = entry.indexOf(KUBELET_TAG, at + 1)) {
    const text = entry.subarray(at + 2, at + 2 + (entry[at + 1] ?? 0)).toString('latin1');
    if (/^v1\.\d+\.\d+[\w.+-]*$/.test(text)) return text;
  }
  return undefined;
}

/** Since 3.6 the storage has a version of its own; before, the cluster's is all there is. */
function versionOf(file: Buffer): string {
  const values = (bucket: string) =>
    new Map([...readBucket(file, bucket)].map(([key, value]) => [key.toString(), value]));
  const version = values('meta').get('storageVersion') ?? values('cluster').get('clusterVersion');
  return /^\d+\.\d+/.exec(version?.toString() ?? '')?.[0] ?? '';
}

function memberOf(value: Buffer): SnapshotContents['members'][number] {
  const { name = '', peerURLs: peerUrls = [] } = JSON.parse(value.toString()) as { name?: string; peerURLs?: string[] };
  return { name, peerUrls };
}
