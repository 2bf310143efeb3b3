import type { LinstorController } from '../controller.js';
import type { Model } from '../model/model.js';
import type { Entry } from '../model/replies.js';
import type { Shape } from './body.js';

/** What a handler is given. */
export interface Call {
  controller: LinstorController;
  model: Model;
  /** Path parameters by name, decoded. */
  path: Record<string, string>;
  query: URLSearchParams;
  /** The body as its shape describes it. */
  body: unknown;
}

export interface ReadRoute {
  method: 'GET';
  /** /v1/nodes/{node} */
  path: string;
  /** The body of a 200. @throws ApiError */
  read(call: Call): unknown;
}

export interface WriteRoute {
  method: 'POST' | 'PUT' | 'DELETE';
  path: string;
  body: Shape;
  /** Status of success. */
  status: 200 | 201;
  /** Answers after the satellites have been told, which takes its time. */
  slow?: boolean;
  /** @throws ApiError */
  write(call: Call): Entry[];
}

export type Route = ReadRoute | WriteRoute;

export function get(path: string, read: ReadRoute['read']): ReadRoute {
  return { method: 'GET', path, read };
}

/** Path segments match one for one; a last segment {key+} takes the rest of the path. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const found = path.split('/');
  const open = wanted.at(-1)!.endsWith('+}');
  if (open ? found.length < wanted.length : found.length !== wanted.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const segment = decode(found[index]!);
    if (!part.startsWith('{')) {
      if (part !== segment) return undefined;
      continue;
    }
    if (segment === '') return undefined;
    const rest = part.endsWith('+}') ? found.slice(index).map(decode).join('/') : segment;
    parameters[part.replace(/^\{|\+?\}$/g, '')] = rest;
  }
  return parameters;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
