import { PveError } from '../errors.js';
import type { Site } from '../site.js';
import type { Vm } from '../vm/model.js';
import { nameOf } from '../vm/model.js';
import { Params, type RawParams, type Schema } from './params.js';

/** One call of the API on its way through. */
export interface Call {
  site: Site;
  /** The caller's token id. */
  user: string;
  /** The host whose address was called. */
  local: string;
  /** {node}, {vmid}, ... of the path. */
  vars: Record<string, string>;
  params: Params;
}

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** /nodes/{node}/qemu/{vmid}; a last {name*} takes the rest of the path. */
  path: string;
  /** Parameters it takes; anything when absent. */
  params?: Schema;
  /** Changes nothing although it is no GET. */
  harmless?: boolean;
  run(call: Call): unknown;
}

/** Rows of which the caller gets a part: `total` goes beside them. */
export class Page {
  constructor(
    readonly rows: unknown[],
    readonly total: number,
  ) {}
}

/** The VM that the path names. @throws PveError when it isn't there. */
export function vmOf({ site, vars }: Call): Vm {
  const vmid = vars.vmid ?? '';
  if (!/^\d+$/.test(vmid)) throw new PveError(400, 'Parameter verification failed.', { vmid: 'invalid format' });
  return site.vms.get(Number(vmid), vars.node!);
}

/** Finds the route of a request and runs it. */
export class Router {
  private readonly routes: { route: Route; parts: string[] }[];

  constructor(routes: Route[]) {
    this.routes = routes.map((route) => ({ route, parts: split(route.path) }));
  }

  /** @throws PveError for every refusal; 501 when there is no such call. */
  async run(site: Site, request: { method: string; path: string; raw: RawParams; user: string; local: string }) {
    const { method, path, raw, user, local } = request;
    const segments = split(path).map(decode);
    const found = this.find(method, segments);
    if (!found) throw new PveError(501, `Method '${method} ${path}' not implemented`);
    const { route, vars } = found;
    if (vars.node === 'localhost') vars.node = local;
    if (vars.node !== undefined) site.hosts.reach(vars.node);
    const call = { site, user, local, vars, params: Params.checked(raw, route.params) };
    // Before it runs: a DELETE leaves nothing to name.
    const subject = subjectOf(call);
    const result = await route.run(call);
    if (method !== 'GET' && !route.harmless) {
      const told = `/${segments.join('/')}`;
      site.world.events.emit({ type: 'api.write', api: 'proxmox', method, path: told, subject });
    }
    return result;
  }

  private find(method: string, segments: string[]): { route: Route; vars: Record<string, string> } | undefined {
    for (const { route, parts } of this.routes) {
      const vars = route.method === method ? match(parts, segments) : undefined;
      if (vars) return { route, vars };
    }
    return undefined;
  }
}

/** A trailing slash says nothing: the real provider sends one with DELETE. */
function split(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function match(parts: string[], segments: string[]): Record<string, string> | undefined {
  const vars: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = segments[index];
    if (segment === undefined) return undefined;
    if (part.endsWith('*}')) {
      vars[part.slice(1, -2)] = segments.slice(index).join('/');
      return vars;
    }
    if (part.startsWith('{')) vars[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return parts.length === segments.length ? vars : undefined;
}

/** Whom the call is about: a VM's name (the new one's, when it makes one), else a storage, mapping, pool, or nothing. */
function subjectOf({ site, vars, params }: Call): string {
  const vm = vars.vmid === undefined ? undefined : site.vms.find(Number(vars.vmid));
  if (params.raw.newid !== undefined || (vm === undefined && params.raw.vmid !== undefined)) {
    return params.raw.name ?? '';
  }
  return vm ? nameOf(vm) : (vars.storage ?? vars.id ?? vars.poolid ?? '');
}
