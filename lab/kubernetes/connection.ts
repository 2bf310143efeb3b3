import { readFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import {
  KubeConfig,
  ListWatch,
  Watch,
  type KubernetesListObject,
  type KubernetesObject,
} from '@kubernetes/client-node';

/** The API server said no. `status` is the HTTP status code. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type PatchKind = 'merge' | 'strategic' | 'apply';

const CONTENT_TYPES: Record<PatchKind, string> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const HEADERS = { accept: 'application/json', 'user-agent': 'prox-ops-lab' };

/** A pause before a watch that broke is opened again. */
const WATCH_PAUSE = 250;

/**
 * The API server as the lab's own parts use it: objects as the JSON they are on the wire, over connections that are
 * kept. (The library's own request functions make a TLS connection for every request, and dates out of some fields.)
 */
export class Connection {
  private readonly kubeConfig = new KubeConfig();
  private readonly agent: Promise<{ agent: Agent; server: URL }>;
  private readonly informers = new Set<ListWatch<KubernetesObject>>();
  private closed = false;

  /** @param kubeconfig path of a file, or the YAML text itself. */
  constructor(kubeconfig: string) {
    this.kubeConfig.loadFromString(
      kubeconfig.includes('\n') || kubeconfig.startsWith('{') ? kubeconfig : readText(kubeconfig),
    );
    this.agent = this.makeAgent();
  }

  get<T>(path: string): Promise<T> {
    return this.send<T>('GET', path);
  }

  create<T = unknown>(path: string, body: object): Promise<T> {
    return this.send<T>('POST', path, body, 'application/json');
  }

  replace<T = unknown>(path: string, body: object): Promise<T> {
    return this.send<T>('PUT', path, body, 'application/json');
  }

  patch<T = unknown>(path: string, kind: PatchKind, body: object): Promise<T> {
    return this.send<T>('PATCH', path, body, CONTENT_TYPES[kind]);
  }

  delete(path: string, options: object = {}): Promise<unknown> {
    return this.send('DELETE', path, options, 'application/json');
  }

  /** The answer's text, or in words why there is none. */
  async probe(path: string): Promise<string> {
    try {
      return await this.raw('GET', path);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /**
   * Follows all objects below a path; opens its watch again whenever that breaks, until the connection is closed.
   * Callbacks run for the objects that exist already, too.
   */
  follow<T extends KubernetesObject>(
    path: string,
    callbacks: { changed: (object: T) => void; deleted?: (object: T) => void },
  ): Promise<ListWatch<T>> {
    const list = (): Promise<KubernetesListObject<T>> => this.get<KubernetesListObject<T>>(path);
    const informer = new ListWatch<T>(path, new Watch(this.kubeConfig), list, false);
    informer.on('add', callbacks.changed);
    informer.on('update', callbacks.changed);
    informer.on('delete', (object) => callbacks.deleted?.(object));
    informer.on('error', () => {
      // A watch that broke resumes where it was; that it may have been too long ago, the list after it tells.
      if (!this.closed) setTimeout(() => this.closed || void informer.start(), WATCH_PAUSE).unref();
    });
    this.informers.add(informer);
    return informer.start().then(() => informer);
  }

  close(): void {
    this.closed = true;
    for (const informer of this.informers) void informer.stop();
    void this.agent.then(({ agent }) => agent.destroy());
  }

  private async send<T>(method: string, path: string, body?: object, contentType?: string): Promise<T> {
    return JSON.parse(await this.raw(method, path, body, contentType)) as T;
  }

  private async raw(method: string, path: string, body?: object, contentType?: string): Promise<string> {
    const { agent, server } = await this.agent;
    const options: RequestOptions = { agent, method, host: server.hostname, port: server.port, path, headers: HEADERS };
    const payload = body === undefined ? undefined : JSON.stringify(body);
    if (payload !== undefined) {
      options.headers = {
        ...options.headers,
        'content-type': contentType,
        'content-length': Buffer.byteLength(payload),
      };
    }
    const { status, text } = await exchange(options, payload);
    if (status >= 300) throw new ApiError(status, `${method} ${path}: ${messageOf(text)} (${status})`);
    return text;
  }

  private async makeAgent(): Promise<{ agent: Agent; server: URL }> {
    const cluster = this.kubeConfig.getCurrentCluster();
    if (!cluster) throw new Error('kubeconfig: expected a current context with a cluster, found none');
    const tls: RequestOptions = {};
    await this.kubeConfig.applyToHTTPSOptions(tls);
    const { ca, cert, key } = tls;
    return { agent: new Agent({ keepAlive: true, ca, cert, key }), server: new URL(cluster.server) };
  }
}

/** The object, or undefined where there is none. */
export async function ifExists<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Does something again while somebody else's write came in between. */
export async function onConflictAgain<T>(attempt: () => Promise<T>, tries = 8): Promise<T> {
  for (let left = tries; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || left <= 1) throw error;
    }
  }
}

function exchange(options: RequestOptions, payload: string | undefined): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    call.on('error', reject);
    call.end(payload);
  });
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
