import { once } from 'node:events';
import type { PeerCertificate } from 'node:tls';
import {
  Server,
  ServerCredentials,
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { SERVICES, serviceDefinition } from '../protocol.js';
import type { ServerIdentity } from '../trust.js';
import type { Send } from './call.js';
import { toRpcError } from './status.js';

/** A call as it came over the wire. */
export interface WireCall {
  path: string;
  request: unknown;
  metadata: Metadata;
  certificate: PeerCertificate | undefined;
  signal: AbortSignal;
}

export interface Answers {
  unary(call: WireCall): Promise<object>;
  streaming(call: WireCall, send: Send): Promise<void>;
}

/** How long calls may take to end when a listener closes in good order, in milliseconds. */
const GRACE = 100;
/** An address may still be held by the listener before this one; tries and pause in milliseconds. */
const BIND = { tries: 20, pause: 50 };

type Call = ServerUnaryCall<unknown, object> | ServerWritableStream<unknown, object>;

/** The machine API on one address. */
export class Listener {
  private constructor(private readonly server: Server) {}

  /** @throws Error when the address can't be had. */
  static async open(address: string, port: number, identity: ServerIdentity, answers: Answers): Promise<Listener> {
    const credentials = ServerCredentials.createSsl(
      identity.clientCa === undefined ? null : Buffer.from(identity.clientCa),
      [{ cert_chain: Buffer.from(identity.crt), private_key: Buffer.from(identity.key) }],
      identity.clientCa !== undefined,
    );
    const server = new Server();
    for (const name of SERVICES) {
      const definition = serviceDefinition(name);
      server.addService(definition, implement(definition, answers));
    }
    await bind(server, `${address}:${port}`, credentials);
    return new Listener(server);
  }

  /** Refuses new connections and ends the open ones: at once, or after the calls in hand have had time to end. */
  async close(how: 'at once' | 'in order'): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    if (how === 'in order') {
      const timer = setTimeout(() => this.server.forceShutdown(), GRACE);
      await closed;
      clearTimeout(timer);
    } else {
      this.server.forceShutdown();
      await closed;
    }
  }
}

async function bind(server: Server, address: string, credentials: ServerCredentials): Promise<void> {
  for (let left = BIND.tries; ; left -= 1) {
    try {
      await new Promise<void>((resolve, reject) =>
        server.bindAsync(address, credentials, (error) => (error ? reject(error) : resolve())),
      );
      return;
    } catch (error) {
      if (left <= 1 || !String(error).includes('EADDRINUSE')) throw error;
      await new Promise((resolve) => setTimeout(resolve, BIND.pause));
    }
  }
}

function implement(definition: ReturnType<typeof serviceDefinition>, answers: Answers): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(definition).map(([name, { path, responseStream }]) => [
      name,
      responseStream ? answerStream(path, answers) : answerUnary(path, answers),
    ]),
  );
}

function answerUnary(path: string, answers: Answers) {
  return (call: ServerUnaryCall<unknown, object>, callback: sendUnaryData<object>): void => {
    answers.unary(wireCall(path, call)).then(
      (reply) => callback(null, reply),
      (error: unknown) => callback(toRpcError(error)),
    );
  };
}

function answerStream(path: string, answers: Answers) {
  return (call: ServerWritableStream<unknown, object>): void => {
    const wire = wireCall(path, call);
    // A write after the end would destroy the stream, and its status would never be sent.
    let ended = false;
    const send: Send = async (message) => {
      wire.signal.throwIfAborted();
      if (!ended && !call.write(message)) await once(call, 'drain', { signal: wire.signal });
    };
    answers
      .streaming(wire, send)
      .finally(() => (ended = true))
      .then(
        () => call.end(),
        (error: unknown) => call.emit('error', toRpcError(error)),
      );
  };
}

function wireCall(path: string, call: Call): WireCall {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  const certificate = call.getAuthContext().sslPeerCertificate;
  return { path, request: call.request, metadata: call.metadata, certificate, signal: gone.signal };
}
