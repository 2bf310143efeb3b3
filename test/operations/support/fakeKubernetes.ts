import type { Duplex } from 'node:stream';
import { assertPermitted, type Verb } from '../../../operations/src/clients/permissions';
import { KubernetesError, KubernetesUnreachable, type Kubernetes } from '../../../operations/src/index';
import type { VirtualClock } from './virtualClock';

/* eslint-disable @typescript-eslint/no-explicit-any -- objects of any kind, as on the wire */
type Any = any;

/** An API server in memory that knows the requests of the driver's role alone: objects by path, resource versions with conflicts, merge patches, watches, evictions. */
export class FakeKubernetes implements Kubernetes {
  readonly objects = new Map<string, Any>();
  /** Every write, e.g. `PATCH /api/v1/nodes/w1`. */
  readonly writes: string[] = [];
  /** While set, nothing answers. */
  down = false;
  /** Milliseconds from an eviction to the pod's end; Infinity: it never ends. */
  grace = 1_000;
  /** Answers an eviction instead of the default: throw a KubernetesError to refuse. */
  onEvict: (pod: Any) => void = () => undefined;
  /** Called before every write, e.g. to interfere. */
  onWrite: (line: string) => void = () => undefined;
  /** Called after an object was made, e.g. to play its controller. */
  onCreate: (path: string, object: Any) => void = () => undefined;
  private version = 1;
  private readonly watchers = new Set<() => void>();

  constructor(private readonly clock: VirtualClock) {}

  get watching(): number {
    return this.watchers.size;
  }

  put(path: string, object: Any): void {
    const metadata = { name: path.split('/').pop(), ...object.metadata, resourceVersion: String(this.version++) };
    this.objects.set(path, { ...object, metadata });
    this.announce();
  }

  remove(path: string): void {
    this.objects.delete(path);
    this.announce();
  }

  at(path: string): Any {
    return this.objects.get(path);
  }

  async get(path: string): Promise<Any> {
    this.answer('get', path);
    return Promise.resolve(structuredClone(this.objects.get(path)));
  }

  async list(path: string, query: Record<string, string | number> = {}): Promise<Any> {
    this.answer('list', path);
    const found = [...this.objects].filter(([key, object]) => inCollection(key, path) && selected(object, query));
    const served = path.startsWith('/api/') || BUILT_IN.test(path) || found.length > 0;
    return Promise.resolve(served ? found.map(([, object]) => structuredClone(object)) : undefined);
  }

  async create(path: string, body: Any): Promise<unknown> {
    this.write('create', `POST ${path}`);
    if (path.endsWith('/eviction')) return this.evict(path.replace(/\/eviction$/, ''));
    const key = `${path}/${body.metadata.name}`;
    if (this.objects.has(key)) throw new KubernetesError(409, 'AlreadyExists', 'already exists', `POST ${path}`);
    const creationTimestamp = new Date(this.clock.now()).toISOString();
    this.put(key, { ...body, metadata: { creationTimestamp, ...body.metadata } });
    this.onCreate(key, this.objects.get(key));
    return Promise.resolve();
  }

  async replace(path: string, body: Any): Promise<unknown> {
    this.write('update', `PUT ${path}`);
    const known = this.objects.get(path);
    if (known?.metadata.resourceVersion !== body.metadata.resourceVersion) {
      throw new KubernetesError(409, 'Conflict', 'the object has been modified', `PUT ${path}`);
    }
    this.put(path, body);
    return Promise.resolve();
  }

  async patch(path: string, body: Any): Promise<unknown> {
    this.write('patch', `PATCH ${path}`);
    const known = this.objects.get(path);
    if (!known) throw new KubernetesError(404, 'NotFound', 'not found', `PATCH ${path}`);
    const { resourceVersion = known.metadata.resourceVersion } = body.metadata ?? {};
    if (resourceVersion !== known.metadata.resourceVersion)
      throw new KubernetesError(409, 'Conflict', 'the object has been modified', `PATCH ${path}`);
    this.put(path, merge(known, body));
    return Promise.resolve();
  }

  async delete(path: string, query: Record<string, string | number> = {}): Promise<unknown> {
    this.write('delete', `DELETE ${path}`);
    this.remove(path);
    const job = path.split('/').pop() ?? '';
    const orphaned = query['propagationPolicy'] === undefined;
    if (path.includes('/jobs/') && !orphaned)
      for (const [key, { metadata }] of this.objects) if (metadata.labels?.[JOB_NAME] === job) this.remove(key);
    return Promise.resolve();
  }

  async watch(path: string, _query: unknown, onChange: () => void, signal: AbortSignal): Promise<void> {
    assertPermitted('watch', path);
    this.watchers.add(onChange);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.watchers.delete(onChange);
  }

  openPort(): Promise<Duplex> {
    throw new Error('no port-forward here');
  }

  private evict(path: string): void {
    const pod = this.objects.get(path);
    if (!pod) throw new KubernetesError(404, 'NotFound', 'not found', `POST ${path}/eviction`);
    this.onEvict(pod);
    this.put(path, {
      ...pod,
      metadata: { ...pod.metadata, deletionTimestamp: new Date(this.clock.now()).toISOString() },
    });
    if (this.grace < Infinity) this.clock.after(this.grace, () => this.remove(path));
  }

  private answer(verb: Verb, path: string): void {
    assertPermitted(verb, path);
    if (this.down) throw new KubernetesUnreachable(`GET ${path}: connection refused`);
  }

  private write(verb: Verb, line: string): void {
    assertPermitted(verb, line.replace(/^\w+ /, ''));
    this.onWrite(line);
    if (this.down) throw new KubernetesUnreachable(`${line}: connection refused`);
    this.writes.push(line);
  }

  private announce(): void {
    for (const watcher of this.watchers) watcher();
  }
}

const JOB_NAME = 'batch.kubernetes.io/job-name';
const BUILT_IN = /^\/apis\/(apps|batch|policy|storage\.k8s\.io|coordination\.k8s\.io|discovery\.k8s\.io)\//;

function inCollection(key: string, path: string): boolean {
  const parent = key.slice(0, key.lastIndexOf('/'));
  return parent === path || parent.replace(/\/namespaces\/[^/]+/, '') === path;
}

function selected(object: Any, { fieldSelector, labelSelector }: Record<string, string | number>): boolean {
  const field = typeof fieldSelector === 'string' ? fieldSelector.split('=') : undefined;
  const label = typeof labelSelector === 'string' ? labelSelector.split('=') : undefined;
  const value = field?.[0]?.split('.').reduce((part: Any, key) => part?.[key], object);
  return (!field || value === field[1]) && (!label || object.metadata.labels?.[label[0] ?? ''] === label[1]);
}

/** JSON merge patch (RFC 7386). */
function merge(target: Any, patch: Any): Any {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const result: Any = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
