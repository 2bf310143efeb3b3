import type { KeyValue } from '../../world/world.js';
import type { Guest } from '../guest.js';
import { EtcdError, NOT_FOR_LEARNERS, asRpcError, notListening } from '../etcd/errors.js';
import type { EtcdCluster, Member } from '../etcd/cluster.js';
import type { EtcdService } from '../etcd/service.js';
import { databaseSize, restoreSnapshot, takeSnapshot } from '../etcd/snapshot.js';
import type { Methods } from './call.js';
import { failedPrecondition, notFound, unimplemented, unknown } from './status.js';

const M = '/machine.MachineService';
/** etcd's own version, and the version of its database's layout. */
const ETCD = { protocol: '3.6.7', storage: '3.6.0' };
const CHUNK = 65_536;

/** etcd's membership through the machine API. Only control planes have it. */
export const etcdMethods: Methods = {
  unary: {
    [`${M}/Bootstrap`]: bootstrap,
    [`${M}/EtcdRecover`]: (guest, { bytes }: { bytes: Buffer }) => {
      serviceOf(guest, 'etcd recover');
      guest.boot!.disk.recovery = bytes;
      return { messages: [{}] };
    },
    [`${M}/EtcdMemberList`]: memberList,
    [`${M}/EtcdStatus`]: status,
    [`${M}/EtcdAlarmList`]: (guest) => {
      serviceOf(guest, 'etcd alarm list');
      return { messages: [{ member_alarms: [] }] };
    },
    [`${M}/EtcdRemoveMemberByID`]: remove,
    [`${M}/EtcdForfeitLeadership`]: forfeit,
    [`${M}/EtcdLeaveCluster`]: async (guest, _: object, { signal }) => {
      await serviceOf(guest, 'etcd leave').leave(signal);
      return { messages: [{}] };
    },
  },
  streaming: {
    [`${M}/EtcdSnapshot`]: async (guest, _: object, send) => {
      for (const bytes of chunks(await snapshot(guest))) await send({ bytes });
    },
  },
};

/** @throws RpcError Unimplemented on workers and in maintenance mode; notListening before etcd is of any use. */
function serviceOf({ boot }: Guest, api: string): EtcdService {
  const role = boot!.configuration?.role;
  if (!role) throw unimplemented(`machine type is not set, cannot use ${api} API`);
  if (role === 'worker') throw unimplemented(`${api} is only available on control plane nodes`);
  if (!boot!.etcd) throw notListening();
  return boot!.etcd;
}

interface BootstrapRequest {
  recover_etcd: boolean;
  recover_skip_hash_check: boolean;
}

/** Answers before the service has begun: what is wrong with a snapshot shows in the service's state alone. */
function bootstrap(guest: Guest, request: BootstrapRequest): object {
  const { boot } = guest;
  if (!boot!.up) throw failedPrecondition('bootstrap is not available yet');
  const service = serviceOf(guest, 'bootstrap');
  service.mayBootstrap();
  const { fleet, configuration, disk } = boot!;
  let contents: KeyValue[] = [];
  if (request.recover_etcd) {
    try {
      contents = restoreSnapshot(disk.recovery ?? Buffer.alloc(0), request.recover_skip_hash_check);
    } catch (error) {
      service.fail(`error recovering from the snapshot: ${(error as Error).message}`);
      return { messages: [{}] };
    }
    disk.recovery = undefined;
    fleet.storage.recover();
  }
  service.bootstrap();
  fleet.kubernetes
    .bootstrap(configuration!.clusterPki, contents)
    .catch((error: unknown) => fleet.failed('kubernetes', error));
  return { messages: [{}] };
}

/** Through this machine's own member, or through any of the cluster's. */
function memberList(guest: Guest, { query_local: local }: { query_local: boolean }): object {
  const service = serviceOf(guest, 'member list');
  const { cluster } = service;
  if (!cluster || (local && !service.member)) throw notListening();
  if (local && service.member!.learner) throw unknown(NOT_FOR_LEARNERS);
  attempt('', () => cluster.needLeader());
  const members = cluster.list().map(({ id, name, peerUrl, clientUrl, learner }) => ({
    id,
    hostname: name,
    peer_urls: [peerUrl],
    client_urls: name === '' ? [] : [clientUrl],
    is_learner: learner,
  }));
  return { messages: [{ legacy_members: members.map(({ hostname }) => hostname), members }] };
}

function status(guest: Guest): object {
  const { cluster, member } = running(serviceOf(guest, 'etcd status'));
  const size = String(databaseSize(cluster));
  const index = String(cluster.raftIndex);
  const member_status = {
    storage_version: ETCD.storage,
    protocol_version: ETCD.protocol,
    member_id: member.id,
    db_size: size,
    db_size_in_use: size,
    leader: cluster.leader ?? '0',
    raft_index: index,
    raft_term: String(cluster.raftTerm),
    raft_applied_index: index,
    errors: cluster.leader === undefined ? ['etcdserver: no leader'] : [],
    is_learner: member.learner,
  };
  return { messages: [{ member_status }] };
}

function remove(guest: Guest, { member_id: id }: { member_id: string }): object {
  const { cluster } = serviceOf(guest, 'etcd remove member');
  if (!cluster) throw notListening();
  const doing = `failed to remove member ${id}`;
  if (cluster.hasQuorum() && !cluster.member(id)) throw notFound(`${doing}: etcdserver: member not found`);
  attempt(`failed to remove member: ${doing}`, () => cluster.remove(id));
  return { messages: [{}] };
}

function forfeit(guest: Guest): object {
  const { cluster, member } = running(serviceOf(guest, 'etcd forfeit leadership'));
  return { messages: [{ member: attempt('failed to forfeit leadership', () => cluster.forfeit(member.id)) }] };
}

/**
 * The whole snapshot, or what a fault leaves of it: the stream then ends early and says nothing of it. A member gives
 * it from its own database, so that it works without quorum, too.
 */
async function snapshot(guest: Guest): Promise<Buffer> {
  const { cluster } = running(serviceOf(guest, 'etcd snapshot'));
  const { world, kubernetes } = guest.boot!.fleet;
  const whole = takeSnapshot(cluster, await kubernetes.contents());
  const truncated = world.faults.strikes('snapshot-truncated');
  // Cut in a page, so that neither the checksum nor a whole page is at the end.
  const bytes = truncated ? whole.subarray(0, Math.floor(whole.length / 8192) * 4096 + 100) : whole;
  world.events.emit({ type: 'etcd.snapshot', node: guest.node, bytes: bytes.length, whole: !truncated });
  return bytes;
}

function running(service: EtcdService): { cluster: EtcdCluster; member: Member } {
  const { cluster, member } = service;
  if (!cluster || !member) throw notListening();
  return { cluster, member };
}

function attempt<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof EtcdError ? asRpcError(error, doing) : error;
  }
}

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}
