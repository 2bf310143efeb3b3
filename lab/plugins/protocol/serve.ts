import * as grpc from '@grpc/grpc-js';
import { ResourceProviderService } from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import { Engine } from './engine.js';
import { toServiceError } from './errors.js';
import { Lifetime } from './lifetime.js';
import type { Provider } from './provider.js';
import { Service } from './service.js';

type Method = (request: never) => unknown;

/**
 * Serves a provider to the engine that started this process, as the plugin protocol wants it: listen on a free
 * loopback port, print the port as the only line on standard output. The engine's address is the first argument
 * that is no flag. The process ends on SIGTERM or SIGINT, or some time after its engine is gone (see Lifetime).
 */
export async function servePlugin(provider: Provider): Promise<void> {
  const address = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
  const engine = new Engine(address);
  const { port } = await listen(provider, engine, new Lifetime(engine));
  process.stdout.write(`${port}\n`);
}

/** Starts the gRPC server alone, for use within a process. */
export async function listen(
  provider: Provider,
  engine = new Engine(undefined),
  lifetime = new Lifetime(engine),
): Promise<{ port: number; stop(): void }> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  server.addService(ResourceProviderService, handlers(new Service(provider, engine), lifetime));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    stop: () => {
      server.forceShutdown();
      engine.close();
    },
  };
}

function handlers(service: Service, lifetime: Lifetime): grpc.UntypedServiceImplementation {
  const implementation: grpc.UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service.methods)) {
    implementation[name] = unary(method, lifetime);
  }
  return implementation;
}

function unary(method: Method, lifetime: Lifetime): grpc.handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    lifetime
      .during(() => Promise.resolve().then(() => method(call.request as never)))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(toServiceError(error)),
      );
  };
}
