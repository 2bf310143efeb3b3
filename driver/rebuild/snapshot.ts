import { createHash, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { readSnapshot, Stop, type SnapshotContents } from '@prox-ops/operations';
import semver from 'semver';
import type { ClusterPlan } from '../../config/plan';
import { CommandError, ExitCode } from '../exit';
import type { SecretsBundle } from '../talosSecrets/bundle';

/** A snapshot that etcd may begin from: whole, of this cluster, and not too new for what will run. */
export interface ChosenSnapshot {
  /** Absolute path. */
  file: string;
  contents: SnapshotContents;
}

/** etcd that Talos runs, by its minor: a release note each, and `DefaultEtcdVersion` in its source. Newer ones run 3.6 or later. */
const ETCD_OF_TALOS: Record<string, string> = { '1.10': '3.5' };
const ETCD = '3.6';

/** @throws CommandError with everything that is wrong with it. Reads only. */
export async function chooseSnapshot(
  name: string,
  cluster: { name: string; bundle: SecretsBundle; plan: ClusterPlan },
): Promise<ChosenSnapshot> {
  const file = resolve(name);
  const contents = await wholeSnapshot(file);
  const problems = [...otherCluster(contents, cluster), ...wrongVersions(contents, cluster.plan)];
  if (problems.length === 0) return { file, contents };
  throw new CommandError(
    problems.map((problem) => `${file}: ${problem}. Nothing was changed.`).join('\n'),
    ExitCode.blocked,
  );
}

async function wholeSnapshot(file: string): Promise<SnapshotContents> {
  try {
    return await readSnapshot(file);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    throw new CommandError(`${file}: ${error.message}. Nothing was changed.`, ExitCode.blocked);
  }
}

/** By the Kubernetes authority: with another cluster's secrets nobody could read what is in it, nor log in. */
function otherCluster(
  { authority, members, nodes }: SnapshotContents,
  { name, bundle }: { name: string; bundle: SecretsBundle },
): string[] {
  const own = fingerprintOf(Buffer.from(bundle.certs.k8s.crt, 'base64').toString());
  const expected = `expected a snapshot of cluster ${name} (Kubernetes authority ${own})`;
  const whose = `members ${members.map((member) => member.name).join(', ')}; nodes ${nodes.join(', ') || 'none'}`;
  if (authority === undefined) return [`${expected}, found one that does not say whose it is (${whose})`];
  const other = fingerprintOf(authority);
  return other === own ? [] : [`${expected}, found another cluster's (Kubernetes authority ${other}; ${whose})`];
}

/** First half of the certificate's SHA-256: enough for people to compare. */
function fingerprintOf(pem: string): string {
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex').slice(0, 16);
  } catch {
    return 'unreadable';
  }
}

/**
 * Kubernetes reads what an older minor has written, one minor at a time as in an upgrade; what a newer one has written it
 * may not know. No kubelet is newer than the API server that wrote the snapshot. etcd is never started on data of a newer
 * minor.
 */
function wrongVersions({ etcd, kubelets }: SnapshotContents, { controlPlanes, first }: ClusterPlan): string[] {
  const built = controlPlanes.map(({ release }) => release.kubernetes).sort(semver.compare)[0] ?? '';
  const written = [...kubelets].sort(semver.compare).at(-1);
  const apart = written === undefined ? undefined : minors(written, built);
  const newestEtcd = ETCD_OF_TALOS[minorOf(first.release.talos)] ?? ETCD;
  return [
    ...(apart === 0 || apart === 1
      ? []
      : [
          `expected a snapshot of Kubernetes v${minorOf(built)} or of the minor before it, as ${built} is to be built, ` +
            `found ${written ?? 'no node that tells its version'}; ` +
            'put the fitting release into the stack file first (prox-ops release)',
        ]),
    ...(etcd === '' || semver.gt(`${etcd}.0`, `${newestEtcd}.0`)
      ? [
          `expected data of etcd ${newestEtcd} at most, as Talos ${first.release.talos} runs it, found ${etcd || 'no version'}`,
        ]
      : []),
  ];
}

/** How many minors lie between a release in the snapshot and a later one. */
function minors(from: string, to: string): number {
  return (semver.major(to) - semver.major(from)) * 1000 + semver.minor(to) - semver.minor(from);
}

function minorOf(release: string): string {
  return `${semver.major(release)}.${semver.minor(release)}`;
}

/** What a snapshot holds, for people. */
export function describeSnapshot({ file, contents }: ChosenSnapshot): string {
  const { keys, namespaces, nodes, kubelets, etcd, sha256 } = contents;
  const releases = kubelets.length > 0 ? `, kubelet ${kubelets.join(', ')}` : '';
  return (
    `${file}: ${keys} keys, ${namespaces.length} namespaces, ${nodes.length} nodes${releases}, etcd ${etcd}; ` +
    `SHA-256 ${sha256}`
  );
}
