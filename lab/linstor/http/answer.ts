import type { ServerResponse } from 'node:http';
import { CODE, httpStatus } from '../model/codes.js';
import type { Entry } from '../model/replies.js';
import { stringify } from './json.js';

/** Sent with every answer, events included. */
export const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': 'origin, content-type, accept, authorization',
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS, HEAD',
};

/** An answer with a body. A 500 ends the connection, as the real controller's web server does. */
export function send(response: ServerResponse, status: number, type: string | undefined, body: string): void {
  response.writeHead(status, {
    ...CORS,
    ...(type === undefined ? {} : { 'Content-Type': type }),
    ...(status === 500 ? { Connection: 'close' } : {}),
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', stringify(value));
}

/** ApiCallRc entries; the first error among them decides the status. */
export function sendEntries(response: ServerResponse, entries: Entry[], success: number): void {
  const status = httpStatus(
    entries.map((entry) => entry.ret_code),
    success,
  );
  sendJson(response, status, entries);
}

/** What the web server itself refuses: code 998, with 404 and 405 as they are. */
export function sendUnrouted(response: ServerResponse, status: 404 | 405, message: string, created_at: string): void {
  const details = status === 404 ? 'HTTP 404 Not Found' : 'HTTP 405 Method Not Allowed';
  const ret_code = -(1n << 62n) + BigInt(CODE.unknownError);
  sendJson(response, status, [{ ret_code, message, details, created_at }]);
}
