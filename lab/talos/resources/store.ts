import { stringify } from 'yaml';
import { encode } from '../protocol.js';
import type { ResourceType } from './types.js';

/** One resource, in the form in which the state API carries it. */
export interface Resource {
  metadata: {
    namespace: string;
    type: string;
    id: string;
    version: string;
    owner: string;
    phase: string;
    created: Timestamp;
    updated: Timestamp;
    annotations?: Record<string, string>;
  };
  spec: { proto_spec: Buffer; yaml_spec: string };
}

export interface Timestamp {
  seconds: string;
  nanos: number;
}

export interface ResourceEvent {
  resource: Resource;
  old?: Resource;
  event_type: 'CREATED' | 'UPDATED' | 'DESTROYED';
}

/** What a resource says: for people (YAML) and, where clients decode it, as a protobuf message. */
export interface Content {
  yaml: unknown;
  proto?: object;
  annotations?: Record<string, string>;
}

/** A machine's resources: gone with the boot, versions counted as COSI counts them. */
export class ResourceStore {
  private readonly kinds = new Map<string, Map<string, Resource>>();
  /** What each resource was last made from, by kind and id: to compare is cheaper than to print. */
  private readonly contents = new Map<string, string>();
  private readonly listeners = new Set<(event: ResourceEvent) => void>();

  constructor(private readonly now: () => number) {}

  /** Makes the resources of one kind be exactly these, by id. What stays the same is left alone. */
  put(kind: ResourceType, contents: ReadonlyMap<string, Content>): void {
    const resources = this.kind(kind);
    for (const [id, resource] of [...resources]) {
      if (contents.has(id)) continue;
      resources.delete(id);
      this.announce({ resource, event_type: 'DESTROYED' });
    }
    for (const [id, content] of contents) this.putOne(kind, id, content);
  }

  get(namespace: string, type: string, id: string): Resource | undefined {
    return this.list(namespace, type).find(({ metadata }) => metadata.id === id);
  }

  list(namespace: string, type: string): Resource[] {
    const resources = [...(this.kinds.get(type)?.values() ?? [])];
    return resources
      .filter(({ metadata }) => metadata.namespace === namespace)
      .sort((a, b) => (a.metadata.id < b.metadata.id ? -1 : 1));
  }

  /** Calls back for every later change; returns the way to stop. */
  watch(listener: (event: ResourceEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private putOne(kind: ResourceType, id: string, { yaml, proto, annotations }: Content): void {
    const resources = this.kind(kind);
    const old = resources.get(id);
    const key = `${kind.type} ${id}`;
    const content = JSON.stringify(yaml);
    if (old && this.contents.get(key) === content) return;
    this.contents.set(key, content);
    const spec = {
      yaml_spec: typeof yaml === 'string' ? block(yaml) : stringify(yaml, { indent: 4, lineWidth: 0 }),
      proto_spec: kind.message !== undefined && proto ? encode(kind.message, proto) : Buffer.alloc(0),
    };
    const updated = timestamp(this.now());
    const version = String(Number(old?.metadata.version ?? 0) + 1);
    const { type, namespace } = kind;
    const notes = annotations ? { annotations } : {};
    const names = { namespace, type, id, version, owner: `${namespace}.Controller`, phase: 'running', ...notes };
    const resource = { metadata: { ...names, created: old?.metadata.created ?? updated, updated }, spec };
    resources.set(id, resource);
    this.announce(old ? { resource, old, event_type: 'UPDATED' } : { resource, event_type: 'CREATED' });
  }

  private kind({ type }: ResourceType): Map<string, Resource> {
    let resources = this.kinds.get(type);
    if (!resources) this.kinds.set(type, (resources = new Map<string, Resource>()));
    return resources;
  }

  private announce(event: ResourceEvent): void {
    for (const listener of [...this.listeners]) listener(event);
  }
}

/** A text as YAML, indented as Talos' own library does it: without, a block at the top reads as empty there. */
function block(text: string): string {
  return `|\n${text.replaceAll(/^(?=.)/gm, '    ')}`;
}

/** Milliseconds since the epoch as protobuf's timestamp. */
export function timestamp(milliseconds: number): Timestamp {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: String(seconds), nanos: Math.floor((milliseconds - seconds * 1000) * 1e6) };
}
