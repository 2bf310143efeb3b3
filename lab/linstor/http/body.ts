import { PARSE_ERROR } from '../model/codes.js';
import { ApiError, timestamp } from '../model/replies.js';

/** What a field of a request's body may be. */
export type Field = 'string' | 'number' | 'boolean' | 'strings' | 'props' | 'any' | Shape | [Shape] | 'numbers';

/** A body's known fields, in the order of the controller's class; every other field is refused. */
export interface Shape {
  /** Name of the controller's class, for its error message. */
  name: string;
  fields: Record<string, Field>;
  required?: string[];
}

const SOURCE = '[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled);';
const PACKAGE = 'com.linbit.linstor.api.rest.v1.serializer.JsonGenTypes';

/**
 * Reads a request's body as the controller's JSON mapper does. An empty body is an empty object.
 * @throws ApiError 500 for broken JSON, an unknown field, a value of the wrong kind or a required field that is missing.
 */
export function parseBody(text: string, shape: Shape, now: number): unknown {
  const value = text.trim() === '' ? {} : parseJson(text, now);
  return convert(value, shape, new Reader(text, now), shape.name);
}

function parseJson(text: string, now: number): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const found = /position (\d+)/.exec((error as Error).message)?.[1];
    const at = found === undefined ? text.length : Number(found);
    const character = text[at];
    const what =
      character === undefined
        ? 'Unexpected end-of-input'
        : `Unexpected character ('${character}' (code ${character.charCodeAt(0)})): no JSON here`;
    throw refusal(`${what}\n at ${SOURCE} ${position(text, at)}]`, now);
  }
}

function position(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `line: ${before.length}, column: ${before.at(-1)!.length + 1}`;
}

function refusal(details: string, now: number): ApiError {
  const created_at = timestamp(now);
  return new ApiError([{ ret_code: PARSE_ERROR, message: 'Unable to parse input json.', details, created_at }]);
}

/** Knows the text a value came from, for the place in an error's message. */
class Reader {
  constructor(
    private readonly text: string,
    private readonly now: number,
  ) {}

  fail(message: string, field: string, owner: string): never {
    const key = new RegExp(`${JSON.stringify(field).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*:\\s*`).exec(this.text);
    const at = key ? key.index + key[0].length : 0;
    const chain = `(through reference chain: ${PACKAGE}$${owner}[${JSON.stringify(field)}])`;
    throw refusal(`${message}\n at ${SOURCE} ${position(this.text, at)}] ${chain}`, this.now);
  }
}

function convert(value: unknown, shape: Shape, reader: Reader, owner: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    reader.fail(`Cannot deserialize value of type \`${PACKAGE}$${shape.name}\``, '', owner);
  }
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const field = shape.fields[key];
    if (field === undefined) reader.fail(unrecognized(key, shape), key, shape.name);
    if (item !== null) result[key] = convertField(item, field, key, reader, shape);
  }
  const missing = (shape.required ?? []).find((key) => result[key] === undefined);
  if (missing !== undefined) reader.fail(`Missing required creator property '${missing}'`, missing, shape.name);
  return result;
}

function unrecognized(key: string, shape: Shape): string {
  const known = Object.keys(shape.fields);
  const names = known.map((name) => JSON.stringify(name)).join(', ');
  const list = `(${known.length} known properties: ${names}])`;
  return `Unrecognized field ${JSON.stringify(key)} (class ${PACKAGE}$${shape.name}), not marked as ignorable ${list}`;
}

function convertField(value: unknown, field: Field, key: string, reader: Reader, shape: Shape): unknown {
  if (field === 'any') return value;
  if (Array.isArray(field)) return items(value, key, reader, shape).map((item) => convert(item, field[0], reader, key));
  if (typeof field === 'object') return convert(value, field, reader, key);
  if (field === 'strings')
    return items(value, key, reader, shape).map((item) => scalar(item, 'string', key, reader, shape));
  if (field === 'numbers')
    return items(value, key, reader, shape).map((item) => scalar(item, 'number', key, reader, shape));
  if (field !== 'props') return scalar(value, field, key, reader, shape);
  if (typeof value !== 'object' || Array.isArray(value)) reader.fail('Cannot deserialize a map', key, shape.name);
  const entries = Object.entries(value as object).map(([name, item]) => [
    name,
    scalar(item, 'string', key, reader, shape),
  ]);
  return Object.fromEntries(entries) as unknown;
}

function items(value: unknown, key: string, reader: Reader, shape: Shape): unknown[] {
  if (!Array.isArray(value)) reader.fail('Cannot deserialize value of type `java.util.ArrayList`', key, shape.name);
  return value as unknown[];
}

/** The mapper converts between text, numbers and booleans where that is unambiguous. */
function scalar(value: unknown, kind: string, key: string, reader: Reader, shape: Shape): unknown {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    reader.fail(`Cannot deserialize value of type \`${kind}\``, key, shape.name);
  }
  const text = String(value).trim();
  if (kind === 'string') return String(value);
  if (kind === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (kind === 'number' && text !== '' && Number.isFinite(Number(text))) return Number(text);
  return reader.fail(`Cannot deserialize value of type \`${kind}\` from ${JSON.stringify(value)}`, key, shape.name);
}
