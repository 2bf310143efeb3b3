import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LinstorController } from '../controller.js';
import { CODE } from '../model/codes.js';
import { ApiError, timestamp } from '../model/replies.js';
import { send, sendEntries, sendJson, sendUnrouted } from './answer.js';
import { parseBody } from './body.js';
import { ERROR_REPORT_READS } from './error-report-reads.js';
import { READS } from './reads.js';
import { match, type Call, type Route } from './route.js';
import { NODE_EVENTS, PROMOTION_EVENTS, type Streams } from './streams.js';
import { WRITES } from './writes.js';

const ROUTES: Route[] = [...READS, ...ERROR_REPORT_READS, ...WRITES];
const MAX_BODY = 1024 * 1024;
/** The satellites' part of an evacuate or restore: 1 to 2 s on the real thing, less in a lab that runs faster. */
const SATELLITE_WORK_MS = 1500;

const ROOT =
  '<html><title>Linstor REST server</title><body><a href="https://app.swaggerhub.com/apis-docs/Linstor/Linstor/1.27.0">' +
  'API Documentation</a><p>You can install the UI by running <code>apt install linstor-gui</code> or ' +
  '<code>dnf install linstor-gui</code>.</p></body></html>';

/** Answers one request. */
export async function answer(
  controller: LinstorController,
  streams: Streams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Not new URL(request.url, base): a path that starts with // would be taken for a host.
  const url = new URL(`http://controller${request.url ?? '/'}`);
  const path = url.pathname.replace(/\/+$/, '') || '/';
  const method = request.method ?? 'GET';
  const reading = method === 'GET' || method === 'HEAD';
  if (reading && path === '/health') return send(response, 200, undefined, '');
  if (reading && path === '/') return send(response, 200, 'text/plain', ROOT);
  if (method === 'GET' && (path === NODE_EVENTS || path === PROMOTION_EVENTS))
    return streams.open(path, request, response);
  const found = ROUTES.flatMap((route) => {
    const parameters = match(route.path, path);
    return parameters ? [{ route, parameters }] : [];
  });
  const created = timestamp(controller.world.clock.now());
  if (found.length === 0) return sendUnrouted(response, 404, `Path '${path}' not found on server.`, created);
  if (method === 'OPTIONS') return sendOptions(response, new Set(found.map(({ route }) => route.method)));
  const chosen = found.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method));
  if (!chosen) return sendUnrouted(response, 405, `Method '${method}' not allowed on path '${path}'.`, created);
  const call = { controller, model: controller.model, path: chosen.parameters, query: url.searchParams, body: {} };
  try {
    await dispatch(chosen.route, call, path, request, response);
  } catch (error) {
    if (error instanceof ApiError) return sendEntries(response, error.entries, 500);
    sendFailure(controller, response, error);
  }
}

async function dispatch(
  route: Route,
  call: Call,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (route.method === 'GET') {
    call.controller.refresh();
    return sendJson(response, 200, route.read(call));
  }
  const { clock, durations, events, signal } = call.controller.world;
  const body = parseBody(await readBody(request), route.body, clock.now());
  events.emit({ type: 'api.write', api: 'linstor', method: route.method, path, subject: subjectOf(call, body) });
  const entries = call.controller.change(() => route.write({ ...call, body }));
  const work = route.slow === true && entries.length > 0 ? Math.min(SATELLITE_WORK_MS, durations.satellite) : 0;
  if (work > 0) await clock.delay(work, signal);
  sendEntries(response, entries, route.status);
}

/** What the request is about: a node above all, as that is what replacing nodes is about. */
function subjectOf({ path }: Call, body: unknown): string {
  const named = (body as { name?: unknown }).name;
  return path['node'] ?? path['rsc'] ?? path['group'] ?? path['key'] ?? (typeof named === 'string' ? named : '');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new RangeError(`request body: expected at most ${MAX_BODY} bytes, found more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendOptions(response: ServerResponse, methods: Set<string>): void {
  const allowed = ['HEAD', 'POST', 'PUT', 'DELETE', 'GET', 'OPTIONS'].filter(
    (method) => method === 'OPTIONS' || methods.has(method === 'HEAD' ? 'GET' : method),
  );
  response.setHeader('Allow', allowed.join(','));
  send(response, 200, 'text/plain', allowed.join(', '));
}

/** A bug of the emulation, or a client that broke off. It must not look like an answer of LINSTOR's. */
function sendFailure(controller: LinstorController, response: ServerResponse, error: unknown): void {
  if (controller.world.signal.aborted || response.destroyed) {
    response.destroy();
    return;
  }
  const message = `The emulated controller failed: ${error instanceof Error ? error.message : String(error)}`;
  const replies = controller.model.replies().plain('error', CODE.unknownError, message);
  sendEntries(response, replies.entries, 500);
}
