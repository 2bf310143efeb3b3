import { alreadyExists, unavailable, unknown, type RpcError } from '../rpc/status.js';

/** etcd's own errors. Talos passes them on as text: etcd's client errors carry no code that gRPC understands. */
export class EtcdError extends Error {}

export const NO_LEADER = 'etcdserver: no leader';
export const UNHEALTHY = 'etcdserver: unhealthy cluster';
export const NOT_ENOUGH_STARTED = 'etcdserver: re-configuration failed due to not enough started members';
export const MEMBER_NOT_FOUND = 'etcdserver: member not found';
export const PEER_URL_EXISTS = 'etcdserver: Peer URLs already exists';
export const TOO_MANY_LEARNERS = 'etcdserver: too many learner members in cluster';
export const BAD_TRANSFEREE = 'etcdserver: bad leader transferee';
export const NOT_FOR_LEARNERS = 'etcdserver: rpc not supported for learner';
export const TRANSFER_TIMEOUT = 'etcdserver: request timed out, leader transfer took too long';

/** As Talos hands it to its caller, with what it was doing in front. */
export function asRpcError(error: unknown, doing = ''): RpcError {
  const { message } = error as Error;
  return unknown(doing === '' ? message : `${doing}: ${message}`);
}

/** What a machine answers whose own etcd does not listen. */
export const notListening = (): RpcError =>
  unavailable(
    'connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused"',
  );

export const dataNotEmpty = (): RpcError => alreadyExists('etcd data directory is not empty');
