import type { LinstorNode, LinstorResource, LinstorVolume } from '../clients/linstorTypes.js';

/** LINSTOR's names are case-insensitive, and some of its own properties write them in capitals. */
export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

const GOOD_DISK_STATES = new Set(['UpToDate', 'Created', 'Attached']);
const DELETING = ['DELETE', 'DRBD_DELETE'];
/** Replication that still moves; `Established` is at rest. */
const MOVING = /Sync|WFBitMap|Ahead|Behind/;

export function hasFlag(object: { flags?: string[] }, ...flags: string[]): boolean {
  return object.flags?.some((flag) => flags.includes(flag)) ?? false;
}

/** Holds data, as opposed to diskless clients and tie breakers. */
export function isDiskful(resource: LinstorResource): boolean {
  return !hasFlag(resource, 'DISKLESS', 'DRBD_DISKLESS', 'TIE_BREAKER');
}

export function isUpToDate(resource: LinstorResource): boolean {
  const volumes = resource.volumes ?? [];
  return volumes.length > 0 && volumes.every((volume) => volume.state?.disk_state === 'UpToDate');
}

export function isDrbd(resource: LinstorResource): boolean {
  return resource.layer_object?.type === 'DRBD' || resource.layer_object?.drbd !== undefined;
}

/** Replicas on a node that hold data in the guarded pool. */
export function guardedReplicas(resources: LinstorResource[], node: string, pool: string): LinstorResource[] {
  return resources.filter(
    (resource) =>
      sameName(resource.node_name, node) &&
      isDiskful(resource) &&
      (resource.volumes ?? []).some((volume) => sameName(volume.storage_pool_name, pool)),
  );
}

/**
 * Everything `linstor resource list --faulty` would show, each in words. A satellite that is offline shows no states at
 * all: that is unknown, and unknown is faulty.
 */
export function faults(resources: LinstorResource[]): string[] {
  return resources.flatMap((resource) => {
    const why = [...flagFaults(resource), ...connectionFaults(resource), ...volumeFaults(resource)];
    return why.length > 0 ? [`${resource.name} on ${resource.node_name}: ${[...new Set(why)].join(', ')}`] : [];
  });
}

function flagFaults(resource: LinstorResource): string[] {
  const why: string[] = [];
  if (hasFlag(resource, ...DELETING)) why.push('DELETING');
  if (hasFlag(resource, 'INACTIVE')) why.push('INACTIVE');
  if (resource.state === undefined) why.push('unknown, its satellite does not report');
  return why;
}

function connectionFaults(resource: LinstorResource): string[] {
  const connections = Object.entries(resource.layer_object?.drbd?.connections ?? {});
  return connections
    .filter(([, { connected }]) => connected !== true)
    .map(([peer, { message }]) => `${message ?? 'no connection'} to ${peer}`);
}

function volumeFaults(resource: LinstorResource): string[] {
  const skipped = resource.effective_props?.['DrbdOptions/SkipDisk']?.value ?? resource.props?.['DrbdOptions/SkipDisk'];
  const why = skipped?.toLowerCase() === 'true' ? ['its disk is skipped (SkipDisk)'] : [];
  // Without any state the satellite is offline, which has been said.
  if (resource.state === undefined) return why;
  return [...why, ...(resource.volumes ?? []).flatMap((volume) => diskFault(resource, volume))];
}

function diskFault(resource: LinstorResource, { state }: LinstorVolume): string[] {
  const disk = state?.disk_state;
  if (disk === undefined) return isDrbd(resource) ? ['no disk state'] : [];
  if (disk === 'Diskless') return isDiskful(resource) ? ['Diskless'] : [];
  return GOOD_DISK_STATES.has(disk) ? [] : [disk];
}

/** What still moves: connections being made, synchronisation, deletions. */
export function unsettled(resources: LinstorResource[]): string[] {
  return resources.flatMap((resource) => {
    const why = [...deletions(resource), ...connecting(resource), ...syncing(resource)];
    return why.length > 0 ? [`${resource.name} on ${resource.node_name}: ${[...new Set(why)].join(', ')}`] : [];
  });
}

function deletions(resource: LinstorResource): string[] {
  return hasFlag(resource, ...DELETING) ? ['DELETING'] : [];
}

function connecting(resource: LinstorResource): string[] {
  const connections = Object.entries(resource.layer_object?.drbd?.connections ?? {});
  return connections
    .filter(([, { message = '' }]) => ['Connecting', 'Unconnected', 'Disconnecting', 'TearDown'].includes(message))
    .map(([peer, { message }]) => `${message} to ${peer}`);
}

/** The volumes that are being synchronised, as the replica itself or one of its peers sees it. */
export function syncing(resource: LinstorResource): string[] {
  return (resource.volumes ?? []).flatMap(({ state }) => [
    // A replica that receives data shows e.g. SyncTarget(32.91%) where its disk state belongs.
    ...(MOVING.test(state?.disk_state ?? '') ? [state?.disk_state ?? ''] : []),
    ...Object.entries(state?.replication_states ?? {})
      .filter(([, { replication_state }]) => MOVING.test(replication_state))
      .map(([peer, { replication_state }]) => `${replication_state} with ${peer}`),
  ]);
}

/** How far a replica that receives data has come, 0 to 1; undefined when it receives none. */
export function received(resource: LinstorResource): number | undefined {
  const shares = (resource.volumes ?? []).flatMap(({ state }) => {
    const percent = /^\w*Sync\w*\(([\d.]+)%\)/.exec(state?.disk_state ?? '')?.[1];
    return percent === undefined ? [] : [Number(percent) / 100];
  });
  return shares.length > 0 ? Math.min(...shares) : undefined;
}

/** Bytes of data of a replica. */
export function sizeOf(resource: LinstorResource): number {
  const kib = (resource.volumes ?? []).reduce((sum, volume) => sum + volumeKib(volume), 0);
  return kib * 1024;
}

/** Thin volumes take what is allocated; of a thick one that is its size. Some kinds say it only in their layers. */
function volumeKib(volume: LinstorVolume): number {
  const layers = (volume.layer_data_list ?? []).map(({ data }) =>
    Math.max(data?.allocated_size_kib ?? 0, data?.usable_size_kib ?? 0),
  );
  return (volume.allocated_size_kib ?? 0) > 0 ? (volume.allocated_size_kib ?? 0) : Math.max(0, ...layers);
}

/** Diskful replicas by resource. */
export function placeCounts(resources: LinstorResource[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const resource of resources) {
    if (isDiskful(resource)) counts[resource.name] = (counts[resource.name] ?? 0) + 1;
  }
  return counts;
}

/**
 * Resources that would lose their last good copy with a node: none of the others that hold data is UpToDate on a satellite
 * that is online. Where no state is told, as of resources without DRBD, no other copy is proved.
 */
export function lastCopies(nodes: LinstorNode[], resources: LinstorResource[], node: string): string[] {
  const online = nodes.filter(({ connection_status }) => connection_status === 'ONLINE').map(({ name }) => name);
  const isGood = (other: LinstorResource): boolean =>
    isDiskful(other) && isUpToDate(other) && online.some((name) => sameName(name, other.node_name));
  const held = resources.filter((resource) => sameName(resource.node_name, node) && isDiskful(resource));
  return held
    .filter(
      ({ name }) => !resources.some((other) => sameName(other.name, name) && isElsewhere(other, node) && isGood(other)),
    )
    .map(({ name }) => name);
}

function isElsewhere({ node_name }: LinstorResource, node: string): boolean {
  return !sameName(node_name, node);
}

/** Nodes, other than those of `except`, whose satellite cannot be relied on, each in words. */
export function nodeFaults(nodes: LinstorNode[], except: string | readonly string[]): string[] {
  const away = [except].flat();
  return nodes
    .filter(({ name, type }) => !away.some((other) => sameName(name, other)) && isSatellite(type))
    .flatMap((node) => {
      const flags = (node.flags ?? []).filter((flag) => ['EVACUATE', 'EVICTED', 'DELETE'].includes(flag));
      const why = [...(node.connection_status === 'ONLINE' ? [] : [node.connection_status]), ...flags];
      return why.length > 0 ? [`satellite ${node.name}: ${why.join(', ')}`] : [];
    });
}

function isSatellite(type: string): boolean {
  return ['SATELLITE', 'COMBINED'].includes(type.toUpperCase());
}
