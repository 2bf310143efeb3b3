import { connect } from 'node:http2';

/**
 * Calls `gone` once, when the engine at `address` (host:port) ends, however it ends. An open connection to its gRPC
 * server tells: the kernel closes it even for an engine that was killed, and nothing has to be asked again and again.
 */
export function onEngineGone(address: string, gone: () => void): void {
  const session = connect(`http://${address}`);
  // Every error is followed by 'close', which says it all.
  session.on('error', () => undefined);
  session.once('close', gone);
}
