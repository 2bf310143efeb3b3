import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type Agent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../contract.js';
import { messageOf } from '../runtime/errors.js';
import { exchange, type HttpAnswer } from './http.js';
import type { KubeObject } from './kubernetesObjects.js';
import { assertPermitted, type ApiPath, type Verb } from './permissions.js';
import { openPort } from './portForward.js';

export type Query = Record<string, string | number>;

/** The Kubernetes API, as far as the steps need it: the types of its paths are made from the table of permissions. */
export interface Kubernetes {
  /** Undefined when there is no such object. */
  get<T extends KubeObject>(path: ApiPath<'get'>): Promise<T | undefined>;
  /** Undefined when the API does not serve this kind (its CRD is not installed). */
  list<T extends KubeObject>(path: ApiPath<'list'>, query?: Query): Promise<T[] | undefined>;
  create(path: ApiPath<'create'>, body: object): Promise<unknown>;
  /** Conflicts (409) when the object changed since its resourceVersion. */
  replace(path: ApiPath<'update'>, body: object): Promise<unknown>;
  /** JSON merge patch. */
  patch(path: ApiPath<'patch'>, body: object): Promise<unknown>;
  /** @param query e.g. a propagationPolicy. */
  delete(path: ApiPath<'delete'>, query?: Query): Promise<unknown>;
  /** Calls `onChange` for every change below `path`; resolves when the stream ends, for whatever reason. */
  watch(path: ApiPath<'watch'>, query: Query, onChange: () => void, signal: AbortSignal): Promise<void>;
  /** A byte stream to a port of a pod. */
  openPort(namespace: string, pod: string, port: number): Promise<Duplex>;
}

/** The API answered with an error status. */
export class KubernetesError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    /** The API server's own words. */
    readonly explanation: string,
    request: string,
  ) {
    super(`${request}: ${status} ${explanation}`);
    this.name = 'KubernetesError';
  }
}

/** The API could not be reached. */
export class KubernetesUnreachable extends Error {
  override readonly name = 'KubernetesUnreachable';
}

interface Connection {
  headers: Record<string, string>;
  agent: Agent;
  /** When the headers were made, by the clock. */
  at: number;
}

/** A pod's token is renewed in its file within the hour, so it is looked at again after this; milliseconds. */
const CREDENTIALS_FOR = 60_000;
const REQUEST_TIMEOUT = 15_000;
/** While a control plane leaves, the API's virtual address moves and its connections break: that long is a blip. */
const RETRY_FOR = 40_000;
const RETRY_GAPS = [200, 500, 1000, 2000, 4000];
/** A watch on a connection that silently died says nothing for ever, so each one is ended and opened again after this. */
const WATCH_SECONDS = 60;

/** HTTP methods of the verbs. */
const METHODS: Record<Verb, string> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
};

/**
 * The real client: credentials, watches and port-forwards by @kubernetes/client-node, plain requests over one
 * keep-alive connection pool. Loading that package takes some 300 ms, so it is loaded when the first step needs it.
 */
export class KubernetesClient implements Kubernetes {
  private readonly library: typeof import('@kubernetes/client-node');
  private readonly config: KubeConfig;
  private readonly server: URL;
  private connection: Promise<Connection> | undefined;

  /** @param kubeconfig YAML text. @throws Error when it names no cluster. */
  constructor(
    kubeconfig: string,
    private readonly clock: Clock,
    private readonly retryFor = RETRY_FOR,
  ) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded late, see above
    this.library = require('@kubernetes/client-node') as typeof import('@kubernetes/client-node');
    this.config = new this.library.KubeConfig();
    this.config.loadFromString(kubeconfig);
    const cluster = this.config.getCurrentCluster();
    if (!cluster) throw new Error('kubeconfig: expected a current context with a cluster, found none');
    this.server = new URL(cluster.server);
  }

  async get<T extends KubeObject>(path: ApiPath<'get'>): Promise<T | undefined> {
    return (await this.call('get', path, {}, undefined, true)) as T | undefined;
  }

  async list<T extends KubeObject>(path: ApiPath<'list'>, query: Query = {}): Promise<T[] | undefined> {
    const found = (await this.call('list', path, query, undefined, true)) as { items?: T[] } | undefined;
    return found?.items ?? (found && []);
  }

  async create(path: ApiPath<'create'>, body: object): Promise<unknown> {
    return this.call('create', path, {}, body);
  }

  async replace(path: ApiPath<'update'>, body: object): Promise<unknown> {
    return this.call('update', path, {}, body);
  }

  async patch(path: ApiPath<'patch'>, body: object): Promise<unknown> {
    return this.call('patch', path, {}, body);
  }

  async delete(path: ApiPath<'delete'>, query: Query = {}): Promise<unknown> {
    return this.call('delete', path, query, undefined, true);
  }

  async watch(path: ApiPath<'watch'>, query: Query, onChange: () => void, signal: AbortSignal): Promise<void> {
    assertPermitted('watch', path);
    const watch = new this.library.Watch(this.config);
    const options = { ...query, timeoutSeconds: WATCH_SECONDS, allowWatchBookmarks: true };
    await new Promise<void>((resolve) => {
      let stream: AbortController | undefined;
      const timer = setTimeout(() => stop(), (WATCH_SECONDS + 5) * 1000);
      const stop = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        stream?.abort();
        resolve();
      };
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      const onEvent = (phase: string): void => void (phase === 'BOOKMARK' || onChange());
      const started = watch.watch(path, options, onEvent, stop);
      // Stopped while it was being opened: the stream must not stay behind.
      started.then((opened) => (signal.aborted ? opened.abort() : (stream = opened)), stop);
    });
  }

  async openPort(namespace: string, pod: string, port: number): Promise<Duplex> {
    assertPermitted('get', `/api/v1/namespaces/${namespace}/pods/${pod}/portforward`);
    return openPort(new this.library.PortForward(this.config), namespace, pod, port);
  }

  /** @returns the parsed answer; undefined for 404 where `absent` says that this is an answer. */
  private async call(verb: Verb, path: string, query: Query, body?: object, absent = false): Promise<unknown> {
    assertPermitted(verb, path);
    const method = METHODS[verb];
    const answer = await this.send(method, path, query, body);
    if (answer.status === 404 && absent) return undefined;
    if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text);
    const { reason, message } = parseStatus(answer.text);
    throw new KubernetesError(answer.status, reason, message || reason, `${method} ${path}`);
  }

  /** Every write here may be repeated: it either carries a resourceVersion or leads to the same result. */
  private async send(method: string, path: string, query: Query, body?: object): Promise<HttpAnswer> {
    const giveUp = this.clock.now() + this.retryFor;
    for (let attempt = 0; ; attempt++) {
      const pause = RETRY_GAPS[Math.min(attempt, RETRY_GAPS.length - 1)] ?? 0;
      const last = this.clock.now() + pause >= giveUp;
      try {
        const answer = await this.once(method, path, query, body);
        if (last || !passing(method, path, answer)) return answer;
      } catch (error) {
        if (last) throw new KubernetesUnreachable(`${method} ${path} at ${this.server.host}: ${messageOf(error)}`);
      }
      await this.clock.delay(pause);
    }
  }

  private async once(method: string, path: string, query: Query, body?: object): Promise<HttpAnswer> {
    const { headers, agent } = await this.connect();
    const url = new URL(this.server.pathname.replace(/\/$/, '') + path, this.server);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value));
    const text = body && JSON.stringify(body);
    const { protocol, hostname, port, pathname, search } = url;
    const sent = { ...headers, ...contentHeaders(method, text) };
    const options = { method, protocol, hostname, port, path: pathname + search, headers: sent, agent };
    return exchange(protocol === 'http:' ? httpRequest : httpsRequest, options, text, REQUEST_TIMEOUT);
  }

  private async connect(): Promise<Connection> {
    const known = await this.connection;
    if (!known || this.clock.now() - known.at > CREDENTIALS_FOR) this.connection = this.credentials(known?.agent);
    return this.connection as Promise<Connection>;
  }

  private async credentials(known: Agent | undefined): Promise<Connection> {
    const options: RequestOptions = {};
    await this.config.applyToHTTPSOptions(options);
    const agent = known ?? (options.agent as Agent);
    agent.options.keepAlive = true;
    const headers = { ...(options.headers as Record<string, string> | undefined), accept: 'application/json' };
    return { headers: withBasic(headers, options.auth), agent, at: this.clock.now() };
  }
}

function withBasic(headers: Record<string, string>, auth: string | null | undefined): Record<string, string> {
  return auth ? { ...headers, authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : headers;
}

function contentHeaders(method: string, text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  return { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) };
}

/** An answer that the next try may well not get: an overloaded server, one without an etcd leader, a proxy without a server. */
function passing(method: string, path: string, { status, text }: HttpAnswer): boolean {
  if ([502, 503, 504].includes(status)) return true;
  // An eviction's 429 is the PodDisruptionBudget's answer, and the drain's to handle.
  if (status === 429) return !path.endsWith('/eviction');
  return status === 500 && (method === 'GET' || parseStatus(text).message.includes('etcdserver:'));
}

function parseStatus(text: string): { reason: string; message: string } {
  try {
    type Status = { reason?: string; message?: string; details?: { causes?: { message?: string }[] } };
    const { reason = '', message = '', details } = JSON.parse(text) as Status;
    // The budget that forbids an eviction is named among the causes only.
    const causes = (details?.causes ?? [])
      .flatMap((cause) => cause.message ?? [])
      .filter((cause) => !message.includes(cause));
    return { reason, message: [message, ...causes].join(' ').trim() };
  } catch {
    return { reason: '', message: text.slice(0, 200) };
  }
}
