import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { ClusterAccess } from './kubeconfig.js';

/** The API server answered with a Status. */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** The API server could not be asked at all. */
export class UnreachableError extends Error {}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name?: string;
    namespace?: string;
    generateName?: string;
    generation?: number;
    resourceVersion?: string;
    uid?: string;
    annotations?: Record<string, string>;
    managedFields?: ManagedFields[];
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

export interface ManagedFields {
  manager: string;
  operation: string;
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
  [key: string]: unknown;
}

export interface RequestOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}

/** The Kubernetes API over plain HTTPS: nothing to load, so that the plugin starts fast. */
export class KubeClient {
  /** A kept connection may be closed just when it is used again, so every write has one of its own. */
  private readonly agents: { read: Agent; write: Agent };

  constructor(private readonly access: ClusterAccess) {
    const { ca, cert, key, insecure } = access;
    const tls = { rejectUnauthorized: !insecure, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    this.agents = { read: new Agent({ ...tls, keepAlive: true }), write: new Agent({ ...tls, keepAlive: false }) };
  }

  get server(): string {
    return this.access.server;
  }

  /** @throws ApiError when the server refuses, UnreachableError when there is no answer. */
  async call<T>(options: RequestOptions): Promise<T> {
    const response = await this.open(options);
    const text = await body(response, options, this.server);
    const code = response.statusCode ?? 0;
    if (code >= 200 && code < 300) return JSON.parse(text) as T;
    throw apiError(code, text);
  }

  /**
   * Follows a watch until the callback says stop (true) or the server ends it.
   * @returns true when the callback stopped it.
   */
  async watch(path: string, query: Record<string, string>, onEvent: (event: WatchEvent) => boolean): Promise<boolean> {
    const options: RequestOptions = { method: 'GET', path, query: { ...query, watch: 'true' } };
    const response = await this.open(options);
    const code = response.statusCode ?? 0;
    if (code !== 200) throw apiError(code, await body(response, options, this.server));
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of response) {
        const lines = `${rest}${chunk as string}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '' && onEvent(JSON.parse(line) as WatchEvent)) return true;
      }
    } catch {
      // A watch that breaks is like one that ends: its follower asks again.
    } finally {
      response.destroy();
    }
    return false;
  }

  private open(options: RequestOptions): Promise<IncomingMessage> {
    const { server, token } = this.access;
    const url = new URL(`${server}${options.path}`);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const payload = options.body === undefined ? '' : JSON.stringify(options.body);
    const headers = {
      Accept: 'application/json',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(payload !== '' && {
        'Content-Type': options.contentType ?? 'application/json',
        'Content-Length': Buffer.byteLength(payload),
      }),
    };
    return new Promise((resolve, reject) => {
      const request = this.request(url, options.method, headers).on('response', resolve);
      request.on('error', (error) => reject(unreachable(options, server, error)));
      request.end(payload);
    });
  }

  private request(url: URL, method: RequestOptions['method'], headers: Record<string, string | number>): ClientRequest {
    if (url.protocol === 'http:') return httpRequest(url, { method, headers });
    return httpsRequest(url, { method, headers, agent: method === 'GET' ? this.agents.read : this.agents.write });
  }
}

async function body(response: IncomingMessage, options: RequestOptions, server: string): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  try {
    for await (const chunk of response) text += chunk as string;
  } catch (error) {
    throw unreachable(options, server, error as Error);
  }
  return text;
}

function apiError(code: number, text: string): ApiError {
  try {
    const status = JSON.parse(text) as { message?: string; reason?: string };
    return new ApiError(code, status.reason ?? '', status.message ?? text);
  } catch {
    return new ApiError(code, '', text.trim() === '' ? `the server answered with status ${code}` : text.trim());
  }
}

function unreachable(options: RequestOptions, server: string, error: Error): UnreachableError {
  return new UnreachableError(
    'configured Kubernetes cluster is unreachable: unable to load schema information from the API server: ' +
      `${options.method} ${server}${options.path}: ${error.message}`,
  );
}
