import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LinstorController } from '../controller.js';
import { CORS } from './answer.js';
import { stringify } from './json.js';
import { nodeView } from './views.js';

export const NODE_EVENTS = '/v1/events/nodes';
export const PROMOTION_EVENTS = '/v1/events/drbd/promotion';

/**
 * The controller's two event streams. Nothing is sent before the first event, not even headers, and there are no
 * pings: a client can't tell a quiet stream from a dead one. Nodes going ONLINE or OFFLINE are no events.
 */
export class Streams {
  private readonly nodes = new Set<ServerResponse>();
  private readonly promotions = new Set<ServerResponse>();
  private readonly stop: () => void;

  constructor(private readonly controller: LinstorController) {
    this.stop = controller.listen({
      node: (event, node) => write(this.nodes, event, { node: nodeView(controller.model, node) }),
      promotion: (promotion) => write(this.promotions, 'may-promote-change', promotion),
    });
  }

  /** Takes over a request for one of the streams. */
  open(path: string, request: IncomingMessage, response: ServerResponse): void {
    const clients = path === NODE_EVENTS ? this.nodes : this.promotions;
    clients.add(response);
    response.on('close', () => clients.delete(response));
    if (clients !== this.promotions || request.headers['last-event-id'] !== 'current') return;
    // The replay goes to everybody who listens, not just to who asked for it.
    for (const promotion of this.controller.promotions()) write(this.promotions, 'may-promote-change', promotion);
  }

  close(): void {
    this.stop();
    for (const response of [...this.nodes, ...this.promotions]) response.end();
  }
}

function write(clients: Set<ServerResponse>, event: string, data: object): void {
  for (const response of clients) {
    if (!response.headersSent) response.writeHead(200, { ...CORS, 'Content-Type': 'text/event-stream' });
    response.write(`event: ${event}\ndata: ${stringify(data)}\n\n`);
  }
}
