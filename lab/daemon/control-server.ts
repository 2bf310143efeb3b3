import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { EXIT, LabError } from './errors.js';

/** One request of the lab's own API: the body (an object, empty without one) to an answer. */
export type Route = (body: Record<string, unknown>) => unknown;

/** Nobody has more to say to the lab than a few names. */
const LARGEST_BODY = 64 * 1024;

/** The lab's own API for `prox-ops lab`: JSON over HTTP on a loopback address, with a bearer token. */
export class ControlServer {
  private readonly server: Server;

  constructor(
    private readonly token: string,
    /** By 'METHOD /path'. */
    private readonly routes: Record<string, Route>,
  ) {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  /** @throws the system's error (EADDRINUSE) when the port is taken. */
  async listen(host: string, port: number): Promise<void> {
    this.server.listen({ host, port });
    await once(this.server, 'listening');
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeIdleConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const result = await this.result(request);
      send(response, 200, result ?? {});
    } catch (error) {
      const { status, exitCode } = error instanceof HttpError ? error : { status: 400, exitCode: exitCodeOf(error) };
      send(response, status, { error: error instanceof Error ? error.message : String(error), exitCode });
    }
  }

  private async result(request: IncomingMessage): Promise<unknown> {
    if (!this.mayAsk(request.headers.authorization ?? ''))
      throw new HttpError(401, 'expected the bearer token of this lab');
    const path = new URL(request.url ?? '/', 'http://lab').pathname;
    const route = this.routes[`${request.method} ${path}`];
    if (!route) throw new HttpError(404, `the lab has no ${request.method} ${path}`);
    return route(await bodyOf(request));
  }

  private mayAsk(authorization: string): boolean {
    const expected = Buffer.from(`Bearer ${this.token}`);
    const found = Buffer.from(authorization);
    return expected.length === found.length && timingSafeEqual(expected, found);
  }
}

class HttpError extends Error {
  readonly exitCode = EXIT.failed;

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

function exitCodeOf(error: unknown): number {
  return error instanceof LabError ? error.exitCode : EXIT.failed;
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY) throw new HttpError(413, `expected a body of at most ${LARGEST_BODY} bytes, found more`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new HttpError(400, 'expected a JSON body, found something else');
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  // JSON has no Infinity; a fault that is not counted is told as null.
  response.end(JSON.stringify(body));
}
