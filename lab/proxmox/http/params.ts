import { badParameters } from '../errors.js';
import { parseFlag } from '../property-string.js';

/** What a parameter must be; `?` marks one that may be absent. */
export type Kind = 'string' | 'integer' | 'flag' | 'string?' | 'integer?' | 'flag?';
export type Schema = Record<string, Kind>;

/** Repeated keys are one value, separated by NUL, as in Proxmox. */
export type RawParams = Record<string, string>;

/** The parameters of one call, checked against what the call takes. */
export class Params {
  private constructor(readonly raw: RawParams) {}

  /**
   * @throws PveError naming every parameter that is unknown, missing or of the wrong kind. Without a schema anything
   * goes: the caller checks by itself.
   */
  static checked(raw: RawParams, schema: Schema | undefined): Params {
    if (!schema) return new Params(raw);
    const errors: Record<string, string> = {};
    for (const [key, value] of Object.entries(raw)) {
      const kind = schema[key];
      const problem = kind === undefined ? UNKNOWN : wrong(kind, value);
      if (problem !== undefined) errors[key] = problem;
    }
    for (const [key, kind] of Object.entries(schema)) {
      if (!kind.endsWith('?') && raw[key] === undefined) errors[key] = 'property is missing and it is not optional';
    }
    if (Object.keys(errors).length > 0) throw badParameters(errors);
    return new Params(raw);
  }

  text(key: string): string {
    return this.raw[key] ?? '';
  }

  optional(key: string): string | undefined {
    return this.raw[key];
  }

  number(key: string): number | undefined {
    const value = this.raw[key];
    return value === undefined ? undefined : Number(value);
  }

  flag(key: string): boolean {
    return parseFlag(this.raw[key] ?? '0') ?? false;
  }

  /** The parameter under its name, or nothing: for objects whose properties may be absent but not undefined. */
  pick<K extends string>(key: K): { [P in K]?: string } {
    const value = this.raw[key];
    return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string };
  }
}

const UNKNOWN = 'property is not defined in schema and the schema does not allow additional properties';

function wrong(kind: Kind, value: string): string | undefined {
  if (kind.startsWith('integer') && !/^-?\d+$/.test(value)) return `type check ('integer') failed - got '${value}'`;
  if (kind.startsWith('flag') && parseFlag(value) === undefined)
    return `type check ('boolean') failed - got '${value}'`;
  return undefined;
}

/** Reads a query or a form-urlencoded body. */
export function parseForm(text: string): RawParams {
  const raw: RawParams = {};
  for (const [key, value] of new URLSearchParams(text)) {
    raw[key] = raw[key] === undefined ? value : `${raw[key]}\0${value}`;
  }
  return raw;
}

/** Reads a JSON body, which the real API takes as well. @throws PveError when it is none. */
export function parseJson(text: string): RawParams {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw badParameters({ body: 'malformed JSON string' });
  }
  if (body === null || typeof body !== 'object') throw badParameters({ body: 'expected an object' });
  const print = (value: unknown): string => (typeof value === 'boolean' ? (value ? '1' : '0') : String(value));
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map(print).join('\0') : print(value),
    ]),
  );
}
