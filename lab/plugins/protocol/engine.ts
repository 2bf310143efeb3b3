import * as grpc from '@grpc/grpc-js';
import { load } from './lazy.js';

type Severity = 'debug' | 'info' | 'warning';

/** The engine that started this plugin, as the plugin sees it: an address to log to, alive or gone. */
export class Engine {
  private readonly client: grpc.Client | undefined;
  private engine: typeof import('@pulumi/pulumi/proto/engine_pb.js') | undefined;

  constructor(address: string | undefined) {
    if (address !== undefined && address !== '') {
      this.client = new grpc.Client(address, grpc.credentials.createInsecure(), {
        'grpc.max_send_message_length': -1,
      });
    }
  }

  log(urn: string, severity: Severity, message: string): void {
    if (!this.client) return;
    // Loaded on first use: most plugins never log, and every module costs start-up time.
    this.engine ??= load('@pulumi/pulumi/proto/engine_pb.js') as typeof import('@pulumi/pulumi/proto/engine_pb.js');
    const { LogRequest, LogSeverity } = this.engine;
    const levels = { debug: LogSeverity.DEBUG, info: LogSeverity.INFO, warning: LogSeverity.WARNING };
    const request = new LogRequest().setUrn(urn).setSeverity(levels[severity]).setMessage(message);
    // A lost log line must not fail the operation, least of all when the engine is gone.
    this.client.makeUnaryRequest(
      '/pulumirpc.Engine/Log',
      (value: typeof request) => Buffer.from(value.serializeBinary()),
      () => undefined,
      request,
      () => undefined,
    );
  }

  /**
   * Calls back once, when the engine was there and cannot be reached any more. Watches the state of one connection
   * instead of asking again and again.
   */
  onGone(callback: () => void): void {
    const channel = this.client?.getChannel();
    if (!channel) return;
    const follow = (state: grpc.connectivityState): void => {
      if (state === grpc.connectivityState.TRANSIENT_FAILURE) return callback();
      channel.watchConnectivityState(state, Infinity, () => follow(channel.getConnectivityState(true)));
    };
    follow(channel.getConnectivityState(true));
  }

  close(): void {
    this.client?.close();
  }
}
