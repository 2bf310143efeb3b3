import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { World } from '../world/world.js';
import type { LinstorController } from './controller.js';
import { answer } from './http/router.js';
import { Streams } from './http/streams.js';

export interface Listening {
  close(): Promise<void>;
}

/**
 * Serves the controller's REST API over plain HTTP, as linstor-server does without an [https] section. The fault
 * linstor-unreachable closes the port and every connection until it is lifted, linstor-silent accepts and never answers.
 * Closes by itself when the world ends.
 * @throws Error when the address can't be listened on, naming it and what to do.
 */
export async function startLinstor(
  world: World,
  controller: LinstorController,
  where: { address: string; port: number },
): Promise<Listening> {
  const server = new LinstorServer(world, controller, where);
  try {
    await server.apply();
  } catch (error) {
    await server.close();
    throw error;
  }
  return { close: () => server.close() };
}

class LinstorServer {
  private readonly streams: Streams;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly silent = new Set<Socket>();
  private readonly unsubscribe: () => void;
  private closed = false;
  /** Opening and closing the port, one after the other. */
  private turn: Promise<void> = Promise.resolve();
  private failure: Error | undefined;

  constructor(
    private readonly world: World,
    controller: LinstorController,
    private readonly where: { address: string; port: number },
  ) {
    this.streams = new Streams(controller);
    this.server = createServer((request, response) => {
      if (world.faults.has('linstor-silent')) {
        this.silent.add(request.socket);
        return;
      }
      answer(controller, this.streams, request, response).catch(() => response.destroy());
    });
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.forget(socket));
    });
    this.unsubscribe = world.faults.onChange(() => this.follow());
    world.signal.addEventListener('abort', () => void this.close().catch(() => undefined), { once: true });
  }

  private forget(socket: Socket): void {
    this.sockets.delete(socket);
    this.silent.delete(socket);
  }

  private follow(): void {
    // What was left without an answer never gets one: its controller was restarted.
    if (!this.world.faults.has('linstor-silent')) for (const socket of this.silent) socket.destroy();
    this.apply().catch((error: unknown) => {
      this.failure = error as Error;
    });
  }

  /** Opens or closes the port as the faults in force want it. */
  apply(): Promise<void> {
    const next = this.turn.then(async () => {
      const wanted = !this.closed && !this.world.faults.has('linstor-unreachable');
      if (wanted && !this.server.listening) await this.open();
      if (!wanted && this.server.listening) await this.shut();
    });
    this.turn = next.catch(() => undefined);
    return next;
  }

  private async open(): Promise<void> {
    const { address, port } = this.where;
    this.server.listen(port, address);
    try {
      await once(this.server, 'listening');
    } catch (error) {
      const found = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new Error(
        `LINSTOR controller: expected to listen on ${address}:${port}, found ${found}; ` +
          'stop what listens there (perhaps another lab) or choose another network base',
      );
    }
  }

  private async shut(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** @throws Error when a fault's end couldn't open the port again. */
  async close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      this.unsubscribe();
      this.streams.close();
    }
    await this.apply();
    if (this.failure) throw this.failure;
  }
}
