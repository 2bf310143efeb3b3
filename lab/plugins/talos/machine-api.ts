import { join, dirname } from 'node:path';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import type * as Grpc from '@grpc/grpc-js';
import { load } from '../protocol/lazy.js';
import { member, text } from '../protocol/read-value.js';
import { type Deadline, pause } from '../protocol/timing.js';
import type { PropertyMap, Value } from '../protocol/values.js';

type Loaded = Record<string, Grpc.ServiceClientConstructor>;

const SERVICES = {
  machine: ['machine.proto', 'machine', 'MachineService'],
  storage: ['storage.proto', 'storage', 'StorageService'],
  state: ['cosi.proto', 'cosi.resource', 'State'],
} as const;
export type ServiceName = keyof typeof SERVICES;

/** A unary or streaming call by its name; replies are plain objects. */
export interface Machine {
  unary<T>(service: ServiceName, method: string, request?: object): Promise<T>;
  /** Every message of a stream that ends by itself. */
  stream<T>(service: ServiceName, method: string, request?: object): Promise<T[]>;
  /** Calls back for every message until the returned function is called. */
  follow<T>(service: ServiceName, method: string, request: object, onMessage: (message: T) => void): () => void;
}

export interface Target {
  node: string;
  /** Address that is dialled; the machine API's port unless it names one. */
  endpoint: string;
  clientConfiguration: Value | undefined;
}

const PORT = 50_000;

/** No name stands for an address in TLS, and Node warns about one; the certificate is checked for the address. */
const NAME_OF_ADDRESSES = 'talos';

/** Seconds that a call may last beyond its operation's deadline: a node that never answers must not hold it for ever. */
const GRACE = 30;

/**
 * Runs an operation on a node as the real provider does: tries the endpoint without a client certificate first, as a
 * node in maintenance mode takes it; only when that fails with mutual TLS.
 */
export async function onMachine<T>(
  target: Target,
  deadline: Deadline,
  operation: (machine: Machine) => Promise<T>,
): Promise<T> {
  const anonymous = new Connection(target, deadline, undefined);
  try {
    await anonymous.unary('storage', 'Disks');
    return await operation(anonymous);
  } catch (error) {
    if (!anonymous.refused) throw error;
  } finally {
    anonymous.close();
  }
  const trusted = new Connection(target, deadline, target.clientConfiguration);
  try {
    return await operation(trusted);
  } finally {
    trusted.close();
  }
}

/** Whether the node takes calls without a client certificate: it is in maintenance mode. */
export async function isInMaintenance(target: Target, deadline: Deadline): Promise<boolean> {
  const anonymous = new Connection(target, deadline, undefined);
  try {
    await anonymous.unary('storage', 'Disks');
    return true;
  } catch {
    return false;
  } finally {
    anonymous.close();
  }
}

/** With mutual TLS, `nodes` in place of `node`: what the health checks and the reset use. */
export async function withClient<T>(
  target: Target,
  deadline: Deadline,
  operation: (machine: Machine, nodes: (addresses: string[]) => Machine) => Promise<T>,
): Promise<T> {
  const connection = new Connection(target, deadline, target.clientConfiguration);
  try {
    return await operation(connection, (addresses) => connection.forNodes(addresses));
  } finally {
    connection.close();
  }
}

/** Gaps before the second, third ... attempt in seconds; the last one repeats. */
const GAPS = [0.5, 1, 2, 4, 8, 10];

/**
 * Repeats an operation on any error but InvalidArgument until the deadline, then fails with the last error. Trap,
 * copied: an AlreadyExists that will never go away is repeated, too.
 */
export async function untilDeadline<T>(deadline: Deadline, operation: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await operation();
    } catch (error) {
      if (Number((error as Partial<Grpc.ServiceError>).code) === INVALID_ARGUMENT || deadline.passed)
        throw rpcError(error);
      await pause(GAPS[Math.min(attempt, GAPS.length - 1)] ?? 10, deadline);
    }
  }
}

const INVALID_ARGUMENT = 3;

/** A gRPC error in the words of Go's client. */
function rpcError(error: unknown): Error {
  const { code, details } = error as Partial<Grpc.ServiceError>;
  if (code === undefined) return error as Error;
  const name = grpc().status[code] ?? String(code);
  const words = name
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return new Error(`rpc error: code = ${words.join('')} desc = ${details ?? ''}`, { cause: error });
}

class Connection implements Machine {
  private readonly clients = new Map<ServiceName, Grpc.Client>();
  private readonly credentials: Grpc.ChannelCredentials;
  /** The first call did not get through, so nothing was asked of the node yet. */
  refused = true;

  constructor(
    private readonly target: Target,
    private readonly deadline: Deadline,
    clientConfiguration: Value | undefined,
    private readonly nodes?: string[],
    shared?: Grpc.ChannelCredentials,
  ) {
    this.credentials = shared ?? credentials(hostOf(target.endpoint), member(clientConfiguration));
  }

  forNodes(addresses: string[]): Machine {
    return new Connection(this.target, this.deadline, undefined, addresses, this.credentials);
  }

  async unary<T>(service: ServiceName, method: string, request: object = {}): Promise<T> {
    const reply = await new Promise<T>((resolve, reject) => {
      const call = this.method(service, method) as Unary<T>;
      call(request, this.metadata(), this.options(), (error, value) => (error ? reject(error) : resolve(value as T)));
    });
    this.refused = false;
    return reply;
  }

  stream<T>(service: ServiceName, method: string, request: object = {}): Promise<T[]> {
    return new Promise<T[]>((resolve, reject) => {
      const messages: T[] = [];
      this.open<T>(service, method, request)
        .on('data', (message: T) => messages.push(message))
        .on('error', reject)
        .on('end', () => resolve(messages));
    });
  }

  follow<T>(service: ServiceName, method: string, request: object, onMessage: (message: T) => void): () => void {
    const stream = this.open<T>(service, method, request).on('data', onMessage);
    // The stream breaks when the node goes down, which is what its follower may be waiting for.
    stream.on('error', () => undefined);
    return () => stream.cancel();
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  private open<T>(service: ServiceName, method: string, request: object): Grpc.ClientReadableStream<T> {
    const call = this.method(service, method) as Streaming<T>;
    return call(request, this.metadata(), this.options());
  }

  private method(service: ServiceName, name: string): unknown {
    let client = this.clients.get(service);
    if (!client) {
      const host = hostOf(this.target.endpoint);
      const options = isIP(host) ? { 'grpc.ssl_target_name_override': NAME_OF_ADDRESSES } : {};
      client = new (loadService(service))(`${host}:${portOf(this.target.endpoint)}`, this.credentials, options);
      this.clients.set(service, client);
    }
    const method = (client as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
    if (!method) throw new Error(`the machine API has no method ${service}/${name}`);
    return method.bind(client);
  }

  private metadata(): Grpc.Metadata {
    const metadata = new (grpc().Metadata)();
    metadata.set('runtime', 'Talos');
    if (this.nodes) for (const node of this.nodes) metadata.add('nodes', node);
    else metadata.set('node', this.target.node);
    return metadata;
  }

  private options(): Grpc.CallOptions {
    return { deadline: Date.now() + this.deadline.left + GRACE * 1000 };
  }
}

type Unary<T> = (
  request: object,
  metadata: Grpc.Metadata,
  options: Grpc.CallOptions,
  callback: (error: Grpc.ServiceError | null, value?: T) => void,
) => void;

type Streaming<T> = (
  request: object,
  metadata: Grpc.Metadata,
  options: Grpc.CallOptions,
) => Grpc.ClientReadableStream<T>;

function credentials(host: string, client: PropertyMap | undefined): Grpc.ChannelCredentials {
  const { createSsl } = grpc().credentials;
  if (!client) {
    return createSsl(null, null, null, { rejectUnauthorized: false, checkServerIdentity: () => undefined });
  }
  const pem = (name: string): Buffer => Buffer.from(text(client[name]), 'base64');
  // Talos labels its keys in a way that OpenSSL does not know; the content is plain PKCS #8.
  const key = pem('clientKey').toString('utf8').replaceAll('ED25519 PRIVATE KEY', 'PRIVATE KEY');
  const verify = {
    checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
  };
  return createSsl(pem('caCertificate'), Buffer.from(key), pem('clientCertificate'), verify);
}

function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '');
}

function portOf(endpoint: string): string {
  return /:(\d+)$/.exec(endpoint)?.[1] ?? String(PORT);
}

function grpc(): typeof Grpc {
  return load('@grpc/grpc-js') as typeof Grpc;
}

const services = new Map<ServiceName, Grpc.ServiceClientConstructor>();

/** Protocol files are read when a node is first dialled: most runs of the plugin dial none. */
function loadService(name: ServiceName): Grpc.ServiceClientConstructor {
  const known = services.get(name);
  if (known) return known;
  const loader = load('@grpc/proto-loader') as typeof import('@grpc/proto-loader');
  const directory = join(dirname(load.resolve('@prox-ops/lab/package.json')), 'talos', 'proto');
  const [file, packageName, service] = SERVICES[name];
  const definition = loader.loadSync(file, {
    includeDirs: [directory],
    keepCase: true,
    longs: String,
    enums: String,
    bytes: Buffer,
    defaults: true,
  });
  let loaded: unknown = grpc().loadPackageDefinition(definition);
  for (const part of packageName.split('.')) loaded = (loaded as Record<string, unknown>)[part];
  const constructor = (loaded as Loaded)[service];
  if (!constructor) throw new Error(`${file}: expected the service ${service}, found none`);
  services.set(name, constructor);
  return constructor;
}
