import { messageOf } from '../runtime/errors.js';
import type { HttpAnswer } from './http.js';
import {
  LINSTOR_CODES,
  type LinstorDefinition,
  type LinstorEntry,
  type LinstorGroup,
  type LinstorNode,
  type LinstorPool,
  type LinstorResource,
} from './linstorTypes.js';

/** LINSTOR's controller, as far as the guard needs it. */
export interface Linstor {
  nodes(): Promise<LinstorNode[]>;
  /** Undefined only when the controller answers that it knows no such node. */
  node(name: string): Promise<LinstorNode | undefined>;
  resources(): Promise<LinstorResource[]>;
  pools(): Promise<LinstorPool[]>;
  groups(): Promise<LinstorGroup[]>;
  definitions(): Promise<LinstorDefinition[]>;
  /** Answers every entry, errors among them: one that says 'in use' has flagged the node all the same. */
  evacuate(node: string): Promise<LinstorEntry[]>;
  restore(node: string): Promise<LinstorEntry[]>;
  /** Forgets a node whose satellite is gone for good. Destroys the last copy of what only it held. */
  lose(node: string): Promise<LinstorEntry[]>;
}

/** No answer, or none that can be understood. For a guard that is 'unsafe', never 'nothing to do'. */
export class LinstorUnreachable extends Error {
  override readonly name = 'LinstorUnreachable';
}

/** The controller answered with an error. */
export class LinstorError extends Error {
  override readonly name = 'LinstorError';
}

/** Sends one request to the controller. @throws when there is no answer within `timeout` milliseconds. */
export type Transport = (
  method: string,
  path: string,
  body: string | undefined,
  timeout: number,
) => Promise<HttpAnswer>;

const READ_TIMEOUT = 10_000;
/** Writes wait for the satellites: 1 to 2 s as a rule, longer when one of them is slow. */
const WRITE_TIMEOUT = 60_000;

export class LinstorClient implements Linstor {
  constructor(private readonly transport: Transport) {}

  async nodes(): Promise<LinstorNode[]> {
    return this.readArray<LinstorNode>('/v1/nodes');
  }

  async node(name: string): Promise<LinstorNode | undefined> {
    const path = `/v1/nodes/${encodeURIComponent(name)}`;
    const answer = await this.send('GET', path, undefined, READ_TIMEOUT);
    if (answer.status === 200) return parse(path, answer.text) as LinstorNode;
    const entries = parseEntries(path, answer.text);
    if (answer.status === 404 && entries.some((entry) => entry.number === LINSTOR_CODES.unknownNode)) return undefined;
    throw new LinstorError(`GET ${path}: ${answer.status} ${describe(entries)}`);
  }

  async resources(): Promise<LinstorResource[]> {
    return this.readArray<LinstorResource>('/v1/view/resources');
  }

  async pools(): Promise<LinstorPool[]> {
    return this.readArray<LinstorPool>('/v1/view/storage-pools');
  }

  async groups(): Promise<LinstorGroup[]> {
    return this.readArray<LinstorGroup>('/v1/resource-groups');
  }

  async definitions(): Promise<LinstorDefinition[]> {
    return this.readArray<LinstorDefinition>('/v1/resource-definitions');
  }

  async evacuate(node: string): Promise<LinstorEntry[]> {
    return this.write('PUT', `/v1/nodes/${encodeURIComponent(node)}/evacuate`, {});
  }

  async restore(node: string): Promise<LinstorEntry[]> {
    return this.write('PUT', `/v1/nodes/${encodeURIComponent(node)}/restore`, {});
  }

  async lose(node: string): Promise<LinstorEntry[]> {
    return this.write('DELETE', `/v1/nodes/${encodeURIComponent(node)}/lost`);
  }

  private async readArray<T>(path: string): Promise<T[]> {
    const answer = await this.send('GET', path, undefined, READ_TIMEOUT);
    const body = parse(path, answer.text);
    if (answer.status !== 200) {
      throw new LinstorError(`GET ${path}: ${answer.status} ${describe(parseEntries(path, answer.text))}`);
    }
    if (!Array.isArray(body)) throw new LinstorUnreachable(`GET ${path}: expected a list, found ${typeof body}`);
    return body as T[];
  }

  private async write(method: string, path: string, body?: object): Promise<LinstorEntry[]> {
    const answer = await this.send(method, path, body && JSON.stringify(body), WRITE_TIMEOUT);
    return parseEntries(path, answer.text);
  }

  private async send(method: string, path: string, body: string | undefined, timeout: number): Promise<HttpAnswer> {
    try {
      return await this.transport(method, path, body, timeout);
    } catch (error) {
      throw new LinstorUnreachable(`the LINSTOR controller did not answer ${method} ${path}: ${messageOf(error)}`);
    }
  }
}

/** Requests over HTTP to a controller with an address of its own. */
export function httpTransport(base: string): Transport {
  return async (method, path, body, timeout) => {
    const response = await fetch(new URL(path, base), {
      method,
      signal: AbortSignal.timeout(timeout),
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, text: await response.text() };
  };
}

/** All messages of an answer, for people. */
export function describe(entries: LinstorEntry[]): string {
  return entries.map((entry) => entry.message).join('; ') || 'no explanation';
}

/**
 * Reads an answer to a write. Codes are kept as text until they are big integers: several differ only in bits that a
 * JavaScript number drops. @throws LinstorUnreachable when it is no such answer.
 */
export function parseEntries(path: string, text: string): LinstorEntry[] {
  // Quotes inside a JSON string are escaped, so that this matches keys alone.
  const body = parse(path, text.replace(/"ret_code"\s*:\s*(-?\d+)/g, '"ret_code":"$1"'));
  if (!Array.isArray(body))
    throw new LinstorUnreachable(`${path}: expected a list of return codes, found ${typeof body}`);
  return (body as { ret_code?: string; message?: string }[]).map((entry) => {
    if (!/^-?\d+$/.test(entry.ret_code ?? '')) throw new LinstorUnreachable(`${path}: an entry without a return code`);
    return classify(BigInt(entry.ret_code ?? 0), entry.message ?? '');
  });
}

function classify(code: bigint, message: string): LinstorEntry {
  const bits = BigInt.asUintN(64, code);
  const severity = (['success', 'info', 'warning', 'error'] as const)[Number(bits >> 62n)] ?? 'error';
  return { code, severity, number: Number(bits & 0xffffn), message };
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LinstorUnreachable(`${path}: expected JSON, found ${JSON.stringify(text.slice(0, 80))}`);
  }
}
