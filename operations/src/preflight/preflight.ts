import { lookBefore } from '../actions/before.js';
import { openNodes } from '../actions/turnRecord.js';
import { connect } from '../clients/session.js';
import type { ClusterAccess } from '../contract.js';
import { realClock } from '../runtime/clock.js';
import { realProcesses, type Processes } from '../runtime/processes.js';
import { blocker, type Finding } from './finding.js';
import { healthFindings } from './health.js';
import { isHeld, leaseFindings } from './lease.js';
import { etcdFindings, nodeFindings } from './nodes.js';
import { podFindings } from './pods.js';
import { proxmoxFindings } from './proxmox.js';
import type { PreflightRequest, TurnRequest } from './request.js';
import { Scene } from './scheduler/scene.js';
import { takeSnapshot, type KubernetesState, type Read, type Snapshot } from './snapshot.js';
import { replicasOf, storageFindings, type Replicas } from './storage.js';
import { versionFindings } from './versions.js';

export interface Preflight {
  /** Blockers first. */
  findings: Finding[];
  /** What LINSTOR has to move, by node; absent where that is not known. */
  replicas: Record<string, Replicas>;
}

/** Reads the cluster once. @throws only when no client can be made. */
export async function readCluster(access: ClusterAccess, settings: PreflightRequest['settings']): Promise<Snapshot> {
  const session = await connect(access, realClock);
  const [snapshot, health] = await Promise.all([
    takeSnapshot(session, settings, access.controlPlanes, realClock.now()),
    lookBefore({ session, settings, access, clock: realClock }),
  ]);
  return { ...snapshot, health };
}

/** Everything that the turns would meet, from one look at the world. Pure. */
export function assess(
  snapshot: Snapshot,
  request: PreflightRequest,
  controlPlanes: string[],
  gone: Processes['gone'] = (holder) => realProcesses.gone(holder),
): Preflight {
  const { kubernetes, etcd, proxmox, linstor, health, at } = snapshot;
  const { turns, settings, prepare } = request;
  const lease = valueOf(kubernetes)?.lease;
  const open = openNodes(lease ?? {}).map(({ node }) => node);
  const storage = linstor && valueOf(linstor);
  // A rollout that changes no node asks nothing of the cluster.
  const unstable =
    turns.length === 0
      ? []
      : [
          ...ask(kubernetes, (state) => nodeFindings(state.nodes, turns)),
          ...ask(etcd, (view) => etcdFindings(view, controlPlanes, turns)),
          ...(linstor ? ask(linstor, (view) => storageFindings(view, turns, settings)) : []),
          // An API that does not answer is told once.
          ...(health && 'value' in kubernetes ? healthFindings(health) : []),
        ];
  const disturbed = isHeld(lease, at, gone) || open.length > 0 || turns.some(({ action }) => action === 'finish');
  const findings = [
    ...silences(snapshot),
    ...leaseFindings(lease, at, gone),
    ...(disturbed ? unstable.map(softened) : unstable),
    ...finishing(open, [
      ...ask(proxmox, (site) => proxmoxFindings(site, resumed(moving(turns), open), prepare)),
      ...ask(kubernetes, (state) => workloadFindings(state, request, at)),
    ]),
  ];
  const replicas = storage
    ? Object.fromEntries(leaving(turns).map((turn) => [turn.name, replicasOf(turn, storage, settings)]))
    : {};
  return { findings: [...bySeverity(findings, 'blocker'), ...bySeverity(findings, 'warning')], replicas };
}

function workloadFindings(state: KubernetesState, request: PreflightRequest, now: number): Finding[] {
  const scene = new Scene(state);
  const { turns } = request;
  return [
    ...versionFindings(turns, state, request.kubeletArgs),
    ...leaving(turns).flatMap((turn) => podFindings(turn, state, scene, request, now)),
  ];
}

function leaving(turns: TurnRequest[]): TurnRequest[] {
  return moving(turns).filter(({ action }) => action !== 'add');
}

/** Without turns whose machines run on with all their pods and replicas. */
function moving(turns: TurnRequest[]): TurnRequest[] {
  return turns.filter(({ action }) => action !== 'kubernetes');
}

/**
 * While a node is out, by this tool's own doing, the cluster is not whole: that is no reason not to go on with it. Each
 * turn looks again by itself.
 */
function softened(finding: Finding): Finding {
  if (finding.severity === 'warning') return finding;
  const remedy = `${finding.remedy}; it may be the doing of the turn that is open, and each turn looks again`;
  return { ...finding, severity: 'warning', remedy };
}

/** A node that is out already has to come back: what its leaving would have met is no reason to leave it there. */
function finishing(open: string[], findings: Finding[]): Finding[] {
  return findings.map((finding) => (open.some((node) => node === finding.node) ? softened(finding) : finding));
}

/** The VM of a node that is out may be gone, half made or new. */
function resumed(turns: TurnRequest[], open: string[]): TurnRequest[] {
  return turns.map((turn) => (open.includes(turn.name) ? { ...turn, action: 'finish' } : turn));
}

function silences({ kubernetes, etcd, proxmox, linstor }: Snapshot): Finding[] {
  const asked = {
    'the Kubernetes API': kubernetes,
    etcd,
    'the Proxmox API': proxmox,
    ...(linstor && { "LINSTOR's controller": linstor }),
  };
  return Object.entries(asked).flatMap(([object, read]) =>
    'trouble' in read
      ? [
          blocker({
            topic: 'reachability',
            object,
            expected: 'an answer: what is not known counts as unsafe',
            found: read.trouble,
            remedy: 'make it reachable from here, then plan again',
          }),
        ]
      : [],
  );
}

function valueOf<T>(read: Read<T>): T | undefined {
  return 'value' in read ? read.value : undefined;
}

function ask<T>(read: Read<T>, judge: (value: T) => Finding[]): Finding[] {
  return 'value' in read ? judge(read.value) : [];
}

function bySeverity(findings: Finding[], severity: Finding['severity']): Finding[] {
  return findings.filter((finding) => finding.severity === severity);
}
