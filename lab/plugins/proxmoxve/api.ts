import { request as httpsRequest, Agent } from 'node:https';
import type { RequestOptions } from 'node:https';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { SecureVersion } from 'node:tls';

/** The API answered, and not with success. */
export class HttpError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
  ) {
    super(`received an HTTP ${code} response - Reason: ${reason}`);
  }

  /** Whether the answer means that the thing asked for is not there. */
  get isGone(): boolean {
    return this.code === 404 || (this.code === 500 && GONE.some((phrase) => this.reason.includes(phrase)));
  }
}

const GONE = ['does not exist', 'no such resource', 'no such ha', 'No such file or directory'];

export function isGone(error: unknown): boolean {
  return error instanceof HttpError && error.isGone;
}

/** Server errors may pass; so may two that come in other dress. */
export function isTransient(error: Error): boolean {
  if (error.cause instanceof HttpError) return isTransient(error.cause);
  if (error instanceof HttpError) return error.code >= 500;
  return error.message.includes('got no worker upid') || error.message.includes('got timeout');
}

export interface ApiSettings {
  /** https://host:port, with or without a path. */
  endpoint: string;
  /** USER@REALM!ID=UUID */
  token: string;
  insecure: boolean;
  minTls: SecureVersion;
}

export type Params = Record<string, string | number | boolean | string[] | undefined>;
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** GETs whose connection breaks are tried this often, at once; everything else never again. */
const GET_ATTEMPTS = 3;

/** Proxmox VE's HTTP API, as the real provider talks to it. */
export class Api {
  /**
   * A kept connection may be closed by the server just when it is used again: a GET is then repeated, a write must
   * not be, so every write has a connection of its own.
   */
  private readonly agents: { read: Agent; write: Agent };

  constructor(private readonly settings: ApiSettings) {
    const ca = trustedCertificates();
    const tls = { rejectUnauthorized: !settings.insecure, minVersion: settings.minTls, ...(ca ? { ca } : {}) };
    this.agents = { read: new Agent({ ...tls, keepAlive: true }), write: new Agent({ ...tls, keepAlive: false }) };
  }

  get<T>(path: string, params?: Params): Promise<T> {
    return this.call<T>('GET', path, params);
  }

  post<T>(path: string, params?: Params): Promise<T> {
    return this.call<T>('POST', path, params);
  }

  put<T>(path: string, params?: Params): Promise<T> {
    return this.call<T>('PUT', path, params);
  }

  delete<T>(path: string, params?: Params): Promise<T> {
    return this.call<T>('DELETE', path, params);
  }

  /** Like `get`, for where an empty answer is an error. */
  async read<T>(path: string, params?: Params): Promise<NonNullable<T>> {
    const data = await this.get<T>(path, params);
    if (data === null || data === undefined)
      throw new Error('the server did not include a data object in the response');
    return data;
  }

  /** A write that starts a task. @returns the task's id. */
  async task(method: 'POST' | 'PUT' | 'DELETE', path: string, params?: Params): Promise<string> {
    const upid = await this.call<string | null>(method, path, params);
    if (upid === null) throw new Error('the server did not include a data object in the response');
    return upid;
  }

  private async call<T>(method: Method, path: string, params: Params = {}): Promise<T> {
    const encoded = encodeParams(params);
    const inQuery = (method === 'GET' || method === 'DELETE') && encoded !== '';
    const target = inQuery ? `${path}${path.includes('?') ? '&' : '?'}${encoded}` : path;
    const body = inQuery ? '' : encoded;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.exchange<T>(method, target, body);
      } catch (error) {
        if (error instanceof HttpError || method !== 'GET' || attempt >= GET_ATTEMPTS) throw error;
      }
    }
  }

  private exchange<T>(method: Method, path: string, body: string): Promise<T> {
    const url = `${this.settings.endpoint.replace(/\/+$/, '')}/api2/json/${path}`;
    return new Promise<T>((resolve, reject) => {
      const fail = (error: Error): void => reject(connectionError(method, path, url, error));
      const request = httpsRequest(url, this.options(method, body), (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('error', fail)
          .on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const [code, phrase] = [response.statusCode ?? 0, response.statusMessage ?? ''];
          if (code >= 200 && code < 300) resolve(data<T>(text));
          else reject(new HttpError(code, errorReason(phrase, text)));
        });
      });
      request.on('error', fail).end(body);
    });
  }

  private options(method: Method, body: string): RequestOptions {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) };
    return {
      method,
      agent: method === 'GET' ? this.agents.read : this.agents.write,
      headers: {
        Accept: 'application/json',
        Authorization: `PVEAPIToken=${this.settings.token}`,
        ...(body === '' ? {} : form),
      },
    };
  }
}

/** The certificates of SSL_CERT_FILE instead of the system's, as in Go, and those of NODE_EXTRA_CA_CERTS besides. */
function trustedCertificates(): string[] | undefined {
  const { SSL_CERT_FILE: system, NODE_EXTRA_CA_CERTS: extra } = process.env;
  if (!system && !extra) return undefined;
  const base = system ? [readFileSync(system, 'utf8')] : rootCertificates;
  return [...base, ...(extra ? [readFileSync(extra, 'utf8')] : [])];
}

function encodeParams(params: Params): string {
  const pairs = new URLSearchParams();
  for (const name of Object.keys(params).sort()) {
    const value = params[name];
    if (value === undefined) continue;
    for (const single of Array.isArray(value) ? value : [value]) {
      pairs.append(name, typeof single === 'boolean' ? (single ? '1' : '0') : String(single));
    }
  }
  return pairs.toString();
}

function data<T>(text: string): T {
  if (text === '') return null as T;
  return ((JSON.parse(text) as { data?: T }).data ?? null) as T;
}

/** Proxmox puts the error into the HTTP reason phrase, with details in the body. */
function errorReason(phrase: string, text: string): string {
  const details: string[] = [];
  try {
    const body = JSON.parse(text) as { errors?: Record<string, string>; message?: string };
    for (const [key, value] of Object.entries(body.errors ?? {})) details.push(`${key}: ${value.trimEnd()}`);
    for (const line of new Set((body.message ?? '').split('\n'))) {
      if (line !== '' && !line.startsWith(phrase)) details.push(line);
    }
  } catch {
    // No JSON body: the reason phrase says it all.
  }
  return details.length === 0 ? phrase : `${phrase} (${details.join(' - ')})`;
}

function connectionError(method: string, path: string, url: string, error: Error & { code?: string }): Error {
  const closed = error.code === 'ECONNRESET' || error.message === 'aborted';
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  const cause = `${verb} "${url}": ${closed ? 'EOF' : error.message}`;
  return new Error(`failed to perform HTTP ${method} request (path: ${path}) - Reason: ${cause}`);
}
