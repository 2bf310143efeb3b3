import { Server, ServerCredentials } from '@grpc/grpc-js';
import { LanguageRuntimeService } from '@pulumi/pulumi/proto/language_grpc_pb';
import { version as sdkVersion } from '@pulumi/pulumi/package.json';
import { onEngineGone } from './engine-watch';
import { LanguageHost, languageService } from './language-service';

/**
 * Serves the engine's language plugin for Node until the engine ends. `args` are the engine's: flags, then its address.
 * Prints the port, and nothing else, on stdout: the engine reads it there. `preload`: modules that every program has
 * loaded before its own.
 */
export function main(args: readonly string[], preload: readonly string[] = []): void {
  if (args.some((arg) => /^--?version$/.test(arg))) {
    console.log(sdkVersion);
    return;
  }
  const host = new LanguageHost((address) => onEngineGone(address, () => end(host)), preload);
  const address = args.at(-1);
  // Without an address the engine gives it later, in the handshake.
  if (address !== undefined && !address.startsWith('-')) {
    host.engineAddress = address;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => end(host));
  }
  serve(host);
}

function serve(host: LanguageHost): void {
  // The engine puts no limit on its messages, and large configurations come in one.
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  server.addService(LanguageRuntimeService, languageService(host));
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error) {
      console.error(`pulumi-language-nodejs: no port on 127.0.0.1: ${error.message}`);
      process.exit(1);
    }
    console.log(port);
  });
}

function end(host: LanguageHost): void {
  host.endPrograms();
  process.exit(0);
}
