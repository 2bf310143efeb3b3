import type { Resource } from '../resources/store.js';
import type { Methods } from './call.js';
import { SendQueue } from './send-queue.js';
import { TYPES, type ResourceType } from '../resources/types.js';
import { ADMIN } from './roles.js';
import { invalidArgument, notFound, permissionDenied, unimplemented } from './status.js';

const S = '/cosi.resource.State';

interface Kind {
  namespace: string;
  type: string;
}

interface Query {
  label_query: object[];
  id_query: { regexp: string } | null;
}

interface WatchRequest extends Kind {
  /** Absent: every resource of the kind. */
  id?: string;
  options: (Query & { bootstrap_contents: boolean; aggregated: boolean }) | null;
  api_version: number;
}

/** Reading a machine's resources. */
export const stateMethods: Methods = {
  unary: {
    [`${S}/Get`]: (guest, { namespace, type, id }: Kind & { id: string }, { roles }) => {
      admit(type, roles);
      const resource = guest.boot!.resources.get(namespace, type, id);
      if (!resource) throw notFound(`resource ${type}(${namespace}/${id}@undefined) doesn't exist`);
      return { resource };
    },
  },
  streaming: {
    [`${S}/List`]: async (guest, { namespace, type, options }: Kind & { options: Query | null }, send, { roles }) => {
      admit(type, roles);
      const wanted = filter(options);
      for (const resource of guest.boot!.resources.list(namespace, type))
        if (wanted(resource)) await send({ resource });
    },
    [`${S}/Watch`]: async (guest, request: WatchRequest, send, { roles, signal }) => {
      admit(request.type, roles);
      const { resources } = guest.boot!;
      const wanted = watched(request);
      // The first reply is empty: clients take it for the sign that the watch has begun.
      await send({});
      const queue = new SendQueue(send);
      const tell = (events: object[]): void => replies(events, request).forEach((reply) => queue.add(reply));
      tell(beginning(request, resources.list(request.namespace, request.type).filter(wanted)));
      const stop = resources.watch((event) => {
        if (wanted(event.resource)) tell([event]);
      });
      await queue.until(signal).finally(stop);
    },
  },
};

const SENSITIVE: ReadonlySet<string> = new Set(
  Object.values<ResourceType>(TYPES).flatMap(({ type, sensitive }) => (sensitive === true ? [type] : [])),
);

/** @throws RpcError PermissionDenied for a kind with secrets, unless an administrator asks. */
function admit(type: string, roles: readonly string[]): void {
  if (SENSITIVE.has(type) && !roles.includes(ADMIN)) throw permissionDenied('not authorized');
}

/** What a watch begins with: for one resource its state (or that it is not there), for a kind what was asked for. */
function beginning({ id, namespace, type, options, api_version }: WatchRequest, current: Resource[]): object[] {
  const created = current.map((resource) => ({ resource, event_type: 'CREATED' }));
  if (id === undefined) {
    if (!options?.bootstrap_contents) return [];
    return api_version < 1 ? created : [...created, { event_type: 'BOOTSTRAPPED' }];
  }
  if (created.length > 0) return created;
  const metadata = { namespace, type, id, version: 'undefined', owner: '', phase: 'running' };
  return [{ resource: { metadata, spec: {} }, event_type: 'DESTROYED' }];
}

function replies(events: object[], { options }: WatchRequest): object[] {
  if (options?.aggregated) return events.length === 0 ? [] : [{ event: events }];
  return events.map((event) => ({ event: [event] }));
}

function watched({ namespace, type, id, options }: WatchRequest): (resource: Resource) => boolean {
  const wanted = filter(options);
  return (resource) => {
    const { metadata } = resource;
    if (metadata.namespace !== namespace || metadata.type !== type) return false;
    return (id === undefined || metadata.id === id) && wanted(resource);
  };
}

/** The lab's resources carry no labels. */
function filter(query: Query | null): (resource: Resource) => boolean {
  if ((query?.label_query.length ?? 0) > 0) throw unimplemented('label queries are not supported');
  const pattern = query?.id_query?.regexp;
  if (pattern === undefined || pattern === '') return () => true;
  try {
    const regexp = new RegExp(pattern);
    return ({ metadata }) => regexp.test(metadata.id);
  } catch {
    throw invalidArgument(`error parsing regexp: ${pattern}`);
  }
}
