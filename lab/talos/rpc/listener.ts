import { once, type EventEmitter } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import {
  Server,
  ServerCredentials,
  type ConnectionInjector,
  type Metadata,
  type ServerReadableStream,
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

type Call =
  ServerUnaryCall<unknown, object> | ServerWritableStream<unknown, object> | ServerReadableStream<unknown, object>;

/**
 * The machine API on one address. The connections are accepted here and handed to gRPC, so that closing means closing:
 * a client that connects while gRPC shuts down would otherwise keep a connection, and the address, for ever.
 */
export class Listener {
  private readonly sockets = new Set<Socket>();
  private readonly door = createServer((socket) => this.accept(socket));
  private readonly server = new Server();
  private readonly connections: ConnectionInjector;

  private constructor(identity: ServerIdentity, answers: Answers) {
    for (const name of SERVICES) {
      const definition = serviceDefinition(name);
      this.server.addService(definition, implement(definition, answers));
    }
    this.connections = this.server.createConnectionInjector(credentialsOf(identity));
  }

  /** @throws Error when the address can't be had. */
  static async open(address: string, port: number, identity: ServerIdentity, answers: Answers): Promise<Listener> {
    const listener = new Listener(identity, answers);
    listener.door.listen(port, address);
    await once(listener.door, 'listening');
    return listener;
  }

  /** Refuses new connections and ends the open ones: at once, or after the calls in hand have had time to end. */
  async close(how: 'at once' | 'in order'): Promise<void> {
    const closed = new Promise<void>((resolve) => this.door.close(() => resolve()));
    if (how === 'in order' && this.sockets.size > 0) {
      this.connections.drain(GRACE);
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, GRACE))]);
    }
    for (const socket of this.sockets) socket.destroy();
    this.connections.destroy();
    this.server.forceShutdown();
    await closed;
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    // A client that goes away before the handshake is over is nobody's error.
    socket.on('error', () => undefined);
    this.connections.injectConnection(socket);
  }
}

function credentialsOf({ clientCa, crt, key }: ServerIdentity): ServerCredentials {
  const pair = { cert_chain: Buffer.from(crt), private_key: Buffer.from(key) };
  return ServerCredentials.createSsl(
    clientCa === undefined ? null : Buffer.from(clientCa),
    [pair],
    clientCa !== undefined,
  );
}

function implement(definition: ReturnType<typeof serviceDefinition>, answers: Answers): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(definition).map(([name, { path, requestStream, responseStream }]) => {
      const handler = responseStream ? answerStream(path, answers) : answerUnary(path, answers);
      return [name, requestStream ? answerUpload(path, answers) : handler] as const;
    }),
  );
}

/** What a client sends piece by piece is handed on as one request, once it is whole. */
function answerUpload(path: string, answers: Answers) {
  return (call: ServerReadableStream<unknown, object>, callback: sendUnaryData<object>): void => {
    const pieces: Buffer[] = [];
    call.on('data', ({ bytes }: { bytes: Buffer }) => pieces.push(bytes));
    call.on('end', () => {
      answers.unary({ ...wireCall(path, call), request: { bytes: Buffer.concat(pieces) } }).then(
        (reply) => callback(null, reply),
        (error: unknown) => callback(toRpcError(error)),
      );
    });
  };
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
  const events: EventEmitter = call;
  events.on('cancelled', () => gone.abort());
  const certificate = call.getAuthContext().sslPeerCertificate;
  const request = 'request' in call ? call.request : undefined;
  return { path, request, metadata: call.metadata, certificate, signal: gone.signal };
}
