import type { Metadata } from '@grpc/grpc-js';
import type { Guest } from '../guest.js';
import type { Methods, Send } from './call.js';
import type { Answers, WireCall } from './listener.js';
import { READER, authorize, rolesOf } from './roles.js';
import { invalidArgument, permissionDenied, toRpcError, unavailable, unimplemented, type RpcError } from './status.js';

/** The services whose replies can be put together from several machines. */
const AGGREGATED = [
  'machine.MachineService',
  'cluster.ClusterService',
  'storage.StorageService',
  'time.TimeService',
].map((service) => `/${service}/`);

/** Calls that change something: the world hears of them. */
const WRITES = new Set([
  ...['ApplyConfiguration', 'Bootstrap', 'EtcdForfeitLeadership', 'EtcdLeaveCluster', 'EtcdRemoveMemberByID', 'Reboot']
    .concat([
      'EtcdRecover',
      'ImagePull',
      'Reset',
      'Rollback',
      'ServiceRestart',
      'ServiceStart',
      'ServiceStop',
      'Shutdown',
      'Upgrade',
    ])
    .map((name) => `/machine.MachineService/${name}`),
  '/machine.ImageService/Pull',
  '/machine.LifecycleService/Upgrade',
]);

/** Who a machine can send calls on to. */
export interface Peers {
  /** @throws RpcError Unavailable as a control plane does that can't reach the address. */
  reach(from: Guest, address: string): Guest;
}

type Route = { kind: 'local' } | { kind: 'one'; target: string } | { kind: 'many'; targets: string[] };

/**
 * What apid does: looks at a call's `node` and `nodes`, sends it on to other machines, puts their replies together, and
 * has every machine check the caller's roles for itself. In maintenance mode nothing is sent on and everybody reads.
 */
export class Router implements Answers {
  constructor(
    private readonly guest: Guest,
    private readonly peers: Peers,
    private readonly methods: Methods,
    private readonly mode: 'maintenance' | 'configured',
  ) {}

  async unary(call: WireCall): Promise<object> {
    const route = this.route(call);
    if (route.kind === 'local') return this.answer(this.guest, call);
    if (route.kind === 'one') return this.answer(this.peers.reach(this.guest, route.target), call);
    const replies = await Promise.all(route.targets.map((target) => this.answerOfMany(target, call)));
    return { messages: replies.flat() };
  }

  async streaming(call: WireCall, send: Send): Promise<void> {
    const route = this.route(call);
    if (route.kind === 'local') return this.stream(this.guest, call, send);
    if (route.kind === 'one') return this.stream(this.peers.reach(this.guest, route.target), call, send);
    await Promise.all(route.targets.map((target) => this.streamOfMany(target, call, send)));
  }

  private route({ metadata, path }: WireCall): Route {
    if (this.mode === 'maintenance') return { kind: 'local' };
    const node = values(metadata, 'node');
    const nodes = values(metadata, 'nodes');
    if (node.length > 1) throw invalidArgument('node metadata must be single-valued');
    if (this.guest.boot?.configuration?.role === 'worker') return this.workerRoute(node, nodes);
    if (nodes.length > 0) {
      if (AGGREGATED.some((prefix) => path.startsWith(prefix))) return { kind: 'many', targets: nodes };
      throw invalidArgument(`one-2-many proxying is not supported for method ${path}`);
    }
    return node.length === 1 ? { kind: 'one', target: node[0]! } : { kind: 'local' };
  }

  /** A worker has no certificate to call others with: it answers for itself alone. */
  private workerRoute(node: string[], nodes: string[]): Route {
    const [target, ...others] = node.length > 0 ? node : nodes;
    if (target === undefined || (others.length === 0 && target === this.guest.address)) return { kind: 'local' };
    throw permissionDenied('no request forwarding');
  }

  private async answerOfMany(target: string, call: WireCall): Promise<object[]> {
    try {
      const reply = (await this.answer(this.peers.reach(this.guest, target), call)) as { messages: object[] };
      return reply.messages.map((message) => ({ ...message, metadata: { hostname: target } }));
    } catch (error) {
      return [failure(target, toRpcError(error))];
    }
  }

  private async streamOfMany(target: string, call: WireCall, send: Send): Promise<void> {
    const named: Send = (message) => send({ ...message, metadata: { hostname: target } });
    try {
      await this.stream(this.peers.reach(this.guest, target), call, named);
    } catch (error) {
      if (!call.signal.aborted) await send(failure(target, toRpcError(error)));
    }
  }

  private async answer(guest: Guest, call: WireCall): Promise<object> {
    const { roles, signal } = this.admit(guest, call);
    const handler = this.methods.unary[call.path];
    if (!handler) throw unimplemented(`unknown method ${call.path}`);
    return whileUp(guest, call, async () => handler(guest, call.request as never, { roles, signal }));
  }

  private async stream(guest: Guest, call: WireCall, send: Send): Promise<void> {
    const { roles, signal } = this.admit(guest, call);
    const handler = this.methods.streaming[call.path];
    if (!handler) throw unimplemented(`unknown method ${call.path}`);
    await whileUp(guest, call, () => handler(guest, call.request as never, send, { roles, signal }));
  }

  /** @throws RpcError PermissionDenied, or Unimplemented for what the machine's version does not have. */
  private admit(
    guest: Guest,
    { path, certificate, signal, request }: WireCall,
  ): { roles: string[]; signal: AbortSignal } {
    const roles = this.mode === 'maintenance' ? [READER] : rolesOf(certificate);
    const boot = guest.boot!;
    if (!boot.serves(path)) throw unimplemented(`unknown service ${path.split('/')[1]}`);
    authorize(path, roles);
    const dryRun = (request as { dry_run?: boolean }).dry_run === true;
    if (WRITES.has(path) && !dryRun) boot.announceWrite(path);
    return { roles, signal: AbortSignal.any([signal, boot.signal]) };
  }
}

/** A machine that goes down takes the calls with it that others had sent on to it. */
async function whileUp<T>(guest: Guest, call: WireCall, work: () => Promise<T>): Promise<T> {
  const boot = guest.boot!;
  try {
    return await work();
  } catch (error) {
    if (boot.signal.aborted && !call.signal.aborted) throw unavailable('error reading from server: EOF');
    throw error;
  }
}

function failure(hostname: string, error: RpcError): object {
  return { metadata: { hostname, error: error.text, status: { code: error.code, message: error.details } } };
}

/** Node's HTTP/2 joins a header that came several times into one text. */
function values(metadata: Metadata, key: string): string[] {
  return metadata
    .get(key)
    .flatMap((value) => String(value).split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}
