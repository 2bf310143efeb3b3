import { connected, isRunning, isUpToDate, missingAt, peersOf } from './drbd.js';
import { isDiskless, type Replica } from './state.js';

/** What the resynchronisations need to know of the world. */
export interface SyncWorld {
  now(): number;
  /** Milliseconds for one GiB. */
  syncPerGib: number;
  /** Running syncs stop where they are. */
  stuck(): boolean;
}

/** The replica lacks `kib` of its data from now on. */
export function invalidate(replica: Replica, kib: number): void {
  replica.disk = 'Inconsistent';
  replica.missing = kib;
  replica.total = kib;
  delete replica.sync;
}

/** Its data is whole from now on. */
export function completeSync(replica: Replica): void {
  replica.disk = 'UpToDate';
  replica.missing = 0;
  replica.total = 0;
  delete replica.sync;
}

/**
 * Starts, stops and re-sources the sync of one replica as its peers come and go. A sync that loses its source keeps
 * what it has brought (DRBD's bitmap) and goes on from there.
 */
export function reconcileSync(replica: Replica, world: SyncWorld): void {
  if (isDiskless(replica) || !replica.definition.drbd || replica.disk !== 'Inconsistent') return;
  const source = isRunning(replica) && !replica.broken ? findSource(replica) : undefined;
  if (source === undefined) {
    if (replica.sync) replica.missing = missingAt(replica, world.now(), world.syncPerGib);
    delete replica.sync;
    return;
  }
  const stuck = world.stuck();
  if (replica.sync?.source === source && (replica.sync.from === undefined) === stuck) return;
  replica.missing = missingAt(replica, world.now(), world.syncPerGib);
  replica.sync = stuck ? { source } : { source, from: world.now() };
}

/** The present source while it lasts, else the first UpToDate peer within reach. */
function findSource(replica: Replica): Replica | undefined {
  const sources = peersOf(replica).filter((peer) => connected(replica, peer) && isUpToDate(peer) && !isDiskless(peer));
  return sources.find((peer) => peer === replica.sync?.source) ?? sources[0];
}

/** When the replica's sync ends if nothing interferes, milliseconds since the epoch; undefined when none runs. */
export function syncEnd(replica: Replica, syncPerGib: number): number | undefined {
  const from = replica.sync?.from;
  return from === undefined ? undefined : from + (replica.missing * syncPerGib) / (1024 * 1024);
}
