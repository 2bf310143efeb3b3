import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyOptions {
  listen: { host: string; port: number };
  target: { host: string; port: number };
  /** Whether a new connection is let in; it is cut at once otherwise. Everything is, by default. */
  admits?: () => boolean;
  /** The address can't be listened on. */
  onError: (error: Error) => void;
}

/** A plain TCP proxy from one address to another. */
export class TcpProxy {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly options: ProxyOptions) {
    this.server = createServer((socket) => this.accept(socket));
    this.server.on('error', options.onError);
    this.server.listen(options.listen);
  }

  /** Cuts every connection that is open. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Refuses connections from now on, and cuts those that are open. */
  close(): void {
    this.server.close();
    this.cut();
  }

  private accept(socket: Socket): void {
    if (this.options.admits?.() === false) {
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect(this.options.target);
    const pair = [socket, upstream];
    for (const one of pair) {
      one.setNoDelay(true);
      // Either end may go at any time; the other one goes with it.
      one.on('error', () => undefined);
      one.on('close', () => pair.forEach((other) => other.destroy()));
    }
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.pipe(upstream).pipe(socket);
  }
}
