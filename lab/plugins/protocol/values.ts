import { Struct } from 'google-protobuf/google/protobuf/struct_pb.js';
import type { JavaScriptValue } from 'google-protobuf/google/protobuf/struct_pb.js';

/** Marks an object on the wire as more than a plain object; its value says what. */
export const SIGNATURE = '4dabf18193072939515e22adb298388d';

const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';
const OUTPUT_SIGNATURE = 'd0e6a833031e9bbcd3f4e8bde6ca49a4';
const RESOURCE_SIGNATURE = '5cf8f73096256a8f31e491e813e4eb8e';

/** The engine names what is not known yet by one of these strings, depending on the value's kind. */
const UNKNOWN_STRING = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const UNKNOWN_STRINGS: ReadonlySet<string> = new Set([
  UNKNOWN_STRING,
  '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  '030794c1-ac77-496b-92df-f27374a8bd58',
  'e48ece36-62e2-4504-bad9-02848725956a',
  'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
]);

/** A value that the engine keeps encrypted and never prints. */
export class Secret {
  constructor(readonly value: Value) {}
}

/** A value that a preview cannot know. */
export class Unknown {
  private readonly brand = 'unknown';

  toString(): string {
    return `<${this.brand}>`;
  }
}

export const UNKNOWN = new Unknown();

export type Value = null | boolean | number | string | Secret | Unknown | Value[] | PropertyMap;

export interface PropertyMap {
  [name: string]: Value | undefined;
}

export function isMap(value: Value | undefined): value is PropertyMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown)
  );
}

/** Reads the engine's wire form. Members that are null are left out, as bridged providers do. */
export function decode(struct: Struct | undefined): PropertyMap {
  return struct ? decodeMap(struct.toJavaScript()) : {};
}

/** Writes the engine's wire form. Members that are null or undefined are left out. */
export function encode(map: PropertyMap): Struct {
  return Struct.fromJavaScript(encodeMap(map));
}

function decodeMap(map: Record<string, unknown>): PropertyMap {
  const result: PropertyMap = {};
  for (const [name, value] of Object.entries(map)) {
    if (value !== null && value !== undefined) result[name] = decodeValue(value);
  }
  return result;
}

function decodeValue(value: unknown): Value {
  if (typeof value === 'string') return UNKNOWN_STRINGS.has(value) ? UNKNOWN : value;
  if (Array.isArray(value)) return value.map(decodeValue);
  if (typeof value === 'object' && value !== null) return decodeObject(value as Record<string, unknown>);
  return value as boolean | number | null;
}

function decodeObject(object: Record<string, unknown>): Value {
  switch (object[SIGNATURE]) {
    case SECRET_SIGNATURE:
      return new Secret(decodeValue(object['value']));
    case OUTPUT_SIGNATURE:
      return decodeOutput(object);
    case RESOURCE_SIGNATURE:
      return decodeValue(object['id'] ?? null);
    default:
      return decodeMap(object);
  }
}

function decodeOutput(output: Record<string, unknown>): Value {
  const value = 'value' in output ? decodeValue(output['value']) : UNKNOWN;
  return output['secret'] === true ? new Secret(value) : value;
}

function encodeMap(map: PropertyMap): Record<string, JavaScriptValue> {
  const result: Record<string, JavaScriptValue> = {};
  for (const [name, value] of Object.entries(map)) {
    if (value !== null && value !== undefined) result[name] = encodeValue(value);
  }
  return result;
}

function encodeValue(value: Value): JavaScriptValue {
  if (value instanceof Unknown) return UNKNOWN_STRING;
  if (value instanceof Secret) return { [SIGNATURE]: SECRET_SIGNATURE, value: encodeValue(value.value) };
  if (Array.isArray(value)) return value.map(encodeValue);
  if (isMap(value)) return encodeMap(value);
  return value;
}

/** The same value with every secret laid open. */
export function open(value: Value): Value {
  if (value instanceof Secret) return open(value.value);
  if (Array.isArray(value)) return value.map(open);
  return isMap(value) ? openMap(value) : value;
}

export function openMap(map: PropertyMap): PropertyMap {
  const result: PropertyMap = {};
  for (const [name, value] of Object.entries(map)) if (value !== undefined) result[name] = open(value);
  return result;
}

/** Makes a value secret, once. */
export function secret(value: Value): Secret {
  return value instanceof Secret ? value : new Secret(value);
}

export function containsUnknown(value: Value | undefined): boolean {
  return some(value, (inner) => inner instanceof Unknown);
}

export function containsSecret(value: Value | undefined): boolean {
  return some(value, (inner) => inner instanceof Secret);
}

function some(value: Value | undefined, test: (value: Value) => boolean): boolean {
  if (value === undefined) return false;
  if (test(value)) return true;
  if (value instanceof Secret) return some(value.value, test);
  if (Array.isArray(value)) return value.some((element) => some(element, test));
  return isMap(value) && Object.values(value).some((member) => some(member, test));
}

/** The same value without anything that is not known yet. */
export function withoutUnknown(map: PropertyMap): PropertyMap {
  const result: PropertyMap = {};
  for (const [name, value] of Object.entries(map)) {
    const kept = value === undefined ? undefined : knownPart(value);
    if (kept !== undefined) result[name] = kept;
  }
  return result;
}

function knownPart(value: Value): Value | undefined {
  if (value instanceof Unknown) return undefined;
  if (value instanceof Secret) {
    const inner = knownPart(value.value);
    return inner === undefined ? undefined : new Secret(inner);
  }
  if (Array.isArray(value)) return value.map((element) => knownPart(element) ?? null);
  return isMap(value) ? withoutUnknown(value) : value;
}

/** Deep equality in which a secret equals its open value, and an absent member equals null. */
export function equal(left: Value | undefined, right: Value | undefined): boolean {
  const a = left instanceof Secret ? left.value : (left ?? null);
  const b = right instanceof Secret ? right.value : (right ?? null);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => equal(value, b[i]));
  if (isMap(a) && isMap(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => equal(a[name], b[name]));
  }
  return a === b;
}
