import { CODE } from '../model/codes.js';
import { checkNodeName, checkObjectName, findNode } from '../model/lookup.js';
import type { Model } from '../model/model.js';
import { keyOf, type LinstorNode, type Props } from '../model/state.js';

/** One page of a list. `offset` counts only together with a `limit`. */
export interface Page {
  offset: number;
  limit: number;
}

/** @throws ApiError 500 (998) when one of the two is no whole number. */
export function readPage(model: Model, query: URLSearchParams): Page {
  return { offset: readInteger(model, query, 'offset', 0), limit: readInteger(model, query, 'limit', 0) };
}

/** @throws ApiError 500 (998): the real one answers so, its router having found 'no such path'. */
export function readInteger(model: Model, query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null || text === '') return otherwise;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  const origin = {
    exception: 'ParamException.QueryParamException',
    file: 'QueryParamValueParamProvider.java',
    method: 'apply',
    line: 66,
  };
  const message = 'HTTP 404 Not Found';
  const error_report_ids = [model.reports.file(message, origin)];
  const extras = { details: message, error_report_ids };
  throw model.replies().plain('error', CODE.unknownError, 'An unknown error occurred.', extras).refusal();
}

export function cut<T>(items: T[], { offset, limit }: Page): T[] {
  return limit > 0 ? items.slice(offset, offset + limit) : items;
}

/** Keys of the nodes a list is narrowed to; undefined for all. @throws ApiError 500 (200) for what is no node name. */
export function nodeFilter(model: Model, query: URLSearchParams): Set<string> | undefined {
  return keys(query, 'nodes', (name) => checkNodeName(model, name));
}

/** Like `nodeFilter`, but every node has to exist. @throws ApiError 404 (300) besides. */
export function knownNodes(model: Model, query: URLSearchParams): LinstorNode[] | undefined {
  const names = query.getAll('nodes');
  return names.length === 0 ? undefined : names.map((name) => findNode(model, name));
}

/** Keys of the objects a list is narrowed to; unknown ones match nothing. @throws ApiError 500 for a bad name. */
export function nameFilter(
  model: Model,
  query: URLSearchParams,
  parameter: string,
  what: string,
  code: number,
): Set<string> | undefined {
  return keys(query, parameter, (name) => checkObjectName(model, what, name, code));
}

function keys(query: URLSearchParams, parameter: string, check: (name: string) => string): Set<string> | undefined {
  const names = query.getAll(parameter);
  return names.length === 0 ? undefined : new Set(names.map((name) => keyOf(check(name))));
}

/** `props` filters: a key that must be set, or key=value. */
export function matchesProps(props: Props, query: URLSearchParams): boolean {
  return query.getAll('props').every((filter) => {
    const [key = '', ...value] = filter.split('=');
    return value.length === 0 ? props[key] !== undefined : props[key] === value.join('=');
  });
}
