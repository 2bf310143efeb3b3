import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { verifySnapshot } from '../actions/snapshot.js';
import { messageOf, Stop } from '../runtime/errors.js';
import { BoltError, readBucket } from './bolt.js';

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
  /** The Kubernetes authority that the cluster publishes to its pods, PEM; undefined when it is not in it. */
  authority?: string;
}

/** Where kube-controller-manager publishes the authority; a ConfigMap is stored as it is, unlike a Secret. */
const AUTHORITY = '/registry/configmaps/kube-system/kube-root-ca.crt';
const NODES = '/registry/minions/';
const KUBELET_TAG = 0x3a;
const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/;

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
  const found = { keys: 0, kubelets: new Set<string>(), authority: undefined as string | undefined };
  // In the order of revisions: what was written later counts.
  for (const [, entry] of readBucket(file, 'key')) {
    found.keys += 1;
    const head = entry.subarray(0, 256).toString('latin1');
    if (head.includes(AUTHORITY)) found.authority = PEM.exec(entry.toString('latin1'))?.[0] ?? found.authority;
    if (!head.includes(NODES)) continue;
    const kubelet = kubeletOf(entry);
    if (kubelet !== undefined) found.kubelets.add(kubelet);
  }
  return {
    sha256: createHash('sha256').update(file).digest('hex'),
    bytes: file.length,
    keys: found.keys,
    etcd: versionOf(file),
    members: [...readBucket(file, 'members')].map(([, value]) => memberOf(value)),
    kubelets: [...found.kubelets].sort(),
    ...(found.authority !== undefined && { authority: found.authority }),
  };
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
