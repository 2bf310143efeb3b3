import { isDiskless, sorted, type Definition, type Replica } from './state.js';

const EXTENT_KIB = 4096;
const PEER_SLOTS = 7;

/** DRBD's share of a volume with its metadata (superblock, activity log, one bitmap for each peer slot), KiB. */
export function drbdSize(volumeKib: number): number {
  const bitmapBytes = (Math.ceil(volumeKib / 4 / 64) * 64) / 8;
  return volumeKib + 36 + Math.ceil((bitmapBytes * PEER_SLOTS) / 4096) * 4;
}

/** What a volume takes from an LVM pool: whole extents, KiB. */
export function lvmSize(definition: Definition, volumeKib: number): number {
  const needed = definition.drbd ? drbdSize(volumeKib) : volumeKib;
  return Math.ceil(needed / EXTENT_KIB) * EXTENT_KIB;
}

/** KiB that the definition's volumes take from an LVM pool for one diskful replica. */
export function lvmSizeOf(definition: Definition): number {
  return definition.volumes.reduce((sum, volume) => sum + lvmSize(definition, volume.size), 0);
}

export function peersOf(replica: Replica): Replica[] {
  return sorted(replica.definition.replicas).filter((peer) => peer !== replica);
}

/** Whether DRBD runs for it: satellite there, replica not taken out by an eviction. */
export function isRunning(replica: Replica): boolean {
  return replica.node.online && !replica.flags.has('INACTIVE');
}

export function connected(a: Replica, b: Replica): boolean {
  return isRunning(a) && isRunning(b) && !a.broken && !b.broken;
}

/** Whether the controller lists it as UpToDate: the satellite reports it and nothing is wrong with it. */
export function isUpToDate(replica: Replica): boolean {
  return isRunning(replica) && replica.disk === 'UpToDate' && !replica.broken;
}

/** KiB still to be brought at `now`. */
export function missingAt(replica: Replica, now: number, syncPerGib: number): number {
  const from = replica.sync?.from;
  if (from === undefined) return replica.missing;
  if (syncPerGib <= 0) return 0;
  const brought = ((now - from) / syncPerGib) * 1024 * 1024;
  return Math.max(0, replica.missing - brought);
}

/** Percentage done with two digits, as drbdsetup reports it; 100 is never shown while the sync runs. */
export function donePercentage(replica: Replica, now: number, syncPerGib: number): number {
  if (replica.total === 0) return 0;
  const done = Math.max(0, replica.total - missingAt(replica, now, syncPerGib)) / replica.total;
  // Binary fractions fall a hair short of a hundredth that is reached.
  return Math.min(99.99, Math.floor(Number((done * 10_000).toFixed(3))) / 100);
}

/** The state without a percentage: what an observer tells two moments apart by. */
export function stateName(replica: Replica): string {
  if (!isRunning(replica)) return 'Unknown';
  if (!replica.definition.drbd) return replica.disk === 'Inconsistent' ? 'Failed' : 'Created';
  if (isDiskless(replica)) return 'Diskless';
  if (replica.broken) return 'Inconsistent';
  return replica.sync ? 'SyncTarget' : replica.disk;
}

/** disk_state as the controller words it; while syncing the text SyncTarget(32.91%). */
export function diskState(replica: Replica, now: number, syncPerGib: number): string {
  const state = stateName(replica);
  return state === 'SyncTarget' ? `SyncTarget(${donePercentage(replica, now, syncPerGib).toFixed(2)}%)` : state;
}

/**
 * Whether `resource list --faulty` would list the replica: a DRBD connection down, a state that is coloured, a state
 * that is missing, or INACTIVE. A running resynchronisation counts. Source: linstor-client rsc_cmds.py, vlm_cmds.py.
 */
export function isFaulty(replica: Replica): boolean {
  if (!replica.definition.drbd) return false;
  if (!isRunning(replica) || replica.flags.has('DELETE')) return true;
  if (peersOf(replica).some((peer) => !peer.flags.has('INACTIVE') && !connected(replica, peer))) return true;
  return !['UpToDate', 'Diskless'].includes(stateName(replica));
}

/** Whether the replica could become Primary now: data within reach, quorum, and nobody else Primary. */
export function mayPromote(replica: Replica): boolean {
  if (!isRunning(replica) || replica.broken) return false;
  const others = peersOf(replica).filter((peer) => connected(replica, peer));
  if (replica.primary || others.some((peer) => peer.primary)) return false;
  return [replica, ...others].some(isUpToDate) && hasQuorum(replica, others.length);
}

/** Majority of all replicas reachable, when the definition asks for it. */
function hasQuorum(replica: Replica, others: number): boolean {
  if (replica.definition.props['DrbdOptions/Resource/quorum'] !== 'majority') return true;
  return (others + 1) * 2 > replica.definition.replicas.size;
}
