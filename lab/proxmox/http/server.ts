import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Pem } from '../../world/certificates.js';
import type { ProxmoxHost } from '../../world/inventory.js';
import { PveError, reasonOf } from '../errors.js';
import type { Site } from '../site.js';
import { parseForm, parseJson, type RawParams } from './params.js';
import { Page, type Router } from './router.js';
import type { Tokens } from './tokens.js';

const PREFIX = '/api2/json';
const MAX_BODY = 512 * 1024;

export interface Api {
  site: Site;
  router: Router;
  tokens: Tokens;
}

/** Serves the API on one host's address. @throws Error naming the address when it can't be had. */
export async function listen(api: Api, host: ProxmoxHost, tls: Pem): Promise<Server> {
  const { proxmox: port } = api.site.world.network.ports;
  const server = createServer({ cert: tls.crt, key: tls.key, minVersion: 'TLSv1.2' }, (request, response) => {
    void serve(api, host, request, response);
  });
  try {
    await once(server.listen(port, host.address), 'listening');
  } catch (error) {
    const found = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new Error(
      `Proxmox API of ${host.name}: expected ${host.address}:${port} to be free, found ${found}. ` +
        'Stop what listens there (another lab?) or choose another network base.',
      { cause: error },
    );
  }
  return server;
}

async function serve(api: Api, host: ProxmoxHost, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A host that is cut off doesn't even answer that.
  if (api.site.hosts.offline(host.name)) {
    request.socket.destroy();
    return;
  }
  try {
    const data = await answer(api, host, request);
    if (data !== HANGS)
      reply(response, 200, 'OK', data instanceof Page ? { data: data.rows, total: data.total } : { data });
  } catch (error) {
    refuse(response, error);
  }
}

/** No answer at all, ever. */
const HANGS = Symbol('hangs');

async function answer(api: Api, host: ProxmoxHost, request: IncomingMessage): Promise<unknown> {
  const { site, router, tokens } = api;
  const { pathname, search } = new URL(request.url ?? '/', 'https://host');
  if (!pathname.startsWith(`${PREFIX}/`)) throw new PveError(501, 'no such uri');
  const user = tokens.authenticate(request.headers.authorization);
  const { faults } = site.world;
  if (faults.strikes('proxmox-timeout')) return HANGS;
  if (faults.strikes('proxmox-500')) throw new PveError(500, 'ipcc_send_rec[1] failed: Connection refused');
  const method = request.method ?? 'GET';
  const body = await readBody(request);
  const inBody = method === 'POST' || method === 'PUT';
  if (!inBody && body !== '') throw new PveError(501, `Unexpected content for method '${method}'`);
  const raw = { ...parseForm(search), ...(inBody ? parseBody(request, body) : {}) };
  const data = await router.run(site, { method, path: pathname.slice(PREFIX.length), raw, user, local: host.name });
  return data ?? null;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request as AsyncIterable<string>) {
    body += chunk;
    if (body.length > MAX_BODY) throw new PveError(501, 'for data too large');
  }
  return body;
}

function parseBody(request: IncomingMessage, body: string): RawParams {
  const type = request.headers['content-type']?.split(';')[0]?.trim() ?? '';
  if (body === '' || type === 'application/x-www-form-urlencoded') return parseForm(body);
  if (type === 'application/json') return parseJson(body);
  throw new PveError(501, `upload '${type}' not implemented`);
}

function refuse(response: ServerResponse, error: unknown): void {
  // The lab went down while the call waited: nobody is there to answer any more.
  if (error instanceof Error && error.name === 'AbortError') {
    response.destroy();
    return;
  }
  const { status, errors } = error instanceof PveError ? error : { status: 500, errors: undefined };
  const reason = error instanceof PveError ? error.reason : reasonOf(error);
  const bare = status === 401 || status === 595;
  reply(
    response,
    status,
    reason,
    bare ? undefined : { data: null, message: `${reason}\n`, ...(errors ? { errors } : {}) },
  );
}

/** The reason phrase is where Proxmox says what went wrong. */
function reply(response: ServerResponse, status: number, reason: string, body: unknown): void {
  if (response.destroyed) return;
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, reason.replaceAll(/[^\x20-\x7e\x80-\xff]/g, ' '), {
    'Content-Type': 'application/json;charset=UTF-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'max-age=0',
    Server: 'pve-api-daemon/3.0',
  });
  response.end(text);
}
