import { createHash, randomBytes } from 'node:crypto';
import { scalar } from '../protocol/read-value.js';
import { containsSecret, isMap, open, Secret, secret, Unknown } from '../protocol/values.js';
import type { PropertyMap, Value } from '../protocol/values.js';
import type { KubeObject } from './client.js';

export const AUTONAMED = 'pulumi.com/autonamed';

const INPUTS = '__inputs';
const INITIAL_API_VERSION = '__initialApiVersion';
const FIELD_MANAGER = '__fieldManager';

/** The object that a program's properties describe: secrets laid open, names in Kubernetes' spelling. */
export function toObject(properties: PropertyMap): KubeObject {
  const object = rename(open(properties), toDashes) as unknown as KubeObject;
  object.metadata ??= {};
  return object;
}

export function toProperties(object: KubeObject): PropertyMap {
  return rename(object as unknown as PropertyMap, toUnderscores) as PropertyMap;
}

/** Property names cannot have dashes, so x-kubernetes-... is spelled x_kubernetes_... in programs. */
function toDashes(name: string): string {
  return name.startsWith('x_kubernetes_') ? name.replaceAll('_', '-') : name;
}

function toUnderscores(name: string): string {
  return name.startsWith('x-kubernetes-') ? name.replaceAll('-', '_') : name;
}

function rename(value: Value, spell: (name: string) => string): Value {
  if (Array.isArray(value)) return value.map((element) => rename(element, spell));
  if (!isMap(value)) return value;
  const result: PropertyMap = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined && !name.startsWith('__')) result[spell(name)] = rename(member, spell);
  }
  return result;
}

/** What is stored: the live object, the inputs that led to it, and who applied them. */
export function checkpoint(
  inputs: KubeObject,
  live: KubeObject,
  from: PropertyMap,
  fieldManager: string,
  initialApiVersion = inputs.apiVersion,
): PropertyMap {
  return {
    ...markSecrets(toProperties(live), from),
    [INPUTS]: markSecrets(toProperties(inputs), from),
    [INITIAL_API_VERSION]: initialApiVersion,
    [FIELD_MANAGER]: fieldManager,
  };
}

export interface Checkpoint {
  inputs: KubeObject;
  live: KubeObject;
  fieldManager: string;
  initialApiVersion: string;
}

export function readCheckpoint(state: PropertyMap): Checkpoint {
  const stored = open(state[INPUTS] ?? {});
  const live = toObject(state);
  const [manager, version] = [state[FIELD_MANAGER], state[INITIAL_API_VERSION]];
  return {
    inputs: isMap(stored) && Object.keys(stored).length > 0 ? toObject(stored) : ({ metadata: {} } as KubeObject),
    live,
    fieldManager: typeof manager === 'string' ? manager : newFieldManager(),
    initialApiVersion: typeof version === 'string' ? version : live.apiVersion,
  };
}

/** Who applies an object: each has a manager of its own, so that two programs cannot undo each other unseen. */
export function newFieldManager(): string {
  return `pulumi-kubernetes-${randomBytes(4).toString('hex')}`;
}

export function fieldManagerOf(inputs: KubeObject, kept?: string): string {
  return inputs.metadata.annotations?.['pulumi.com/patchFieldManager'] ?? kept ?? newFieldManager();
}

/** Marks as secret what was secret in the inputs, and the whole content of a Secret. */
export function markSecrets(properties: PropertyMap, from: PropertyMap): PropertyMap {
  const marked: PropertyMap = { ...properties };
  if (properties['kind'] === 'Secret') {
    for (const name of ['data', 'stringData']) if (marked[name] !== undefined) marked[name] = secret(marked[name]);
    return marked;
  }
  for (const [name, source] of Object.entries(from)) {
    const value = marked[name];
    if (value === undefined || source === undefined) continue;
    if (isMap(value) && isMap(source)) marked[name] = markSecrets(value, source);
    else if (!(value instanceof Secret) && containsSecret(source)) marked[name] = secret(value);
  }
  return marked;
}

/** NAMESPACE/NAME, or NAME without a namespace. */
export function idOf(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

export function parseId(id: string): { namespace?: string; name: string } {
  const [first = '', second] = id.split('/');
  return second === undefined ? { name: first } : { namespace: first, name: second };
}

/**
 * Names an object that the program did not name after its resource, and says so in an annotation; a name given that
 * way before is kept.
 */
export function autoname(
  object: KubeObject,
  old: KubeObject | undefined,
  resourceName: string,
  seed: Uint8Array,
): void {
  const { metadata } = object;
  if (metadata.name || metadata.generateName) return;
  const kept = old?.metadata.annotations?.[AUTONAMED] === 'true' ? old.metadata.name : undefined;
  const random = seed.length > 0 ? createHash('sha256').update(seed).digest('hex') : randomBytes(4).toString('hex');
  metadata.name = kept ?? `${resourceName}-${random.slice(0, 8)}`;
  metadata.annotations = { ...metadata.annotations, [AUTONAMED]: 'true' };
}

/** A Secret's plain texts become its data, as the API server stores them. */
export function normalizeSecret(properties: PropertyMap): PropertyMap {
  const texts = properties['stringData'];
  const plain = texts instanceof Secret ? texts.value : texts;
  if (properties['kind'] !== 'Secret' || !isMap(plain)) return properties;
  const data = properties['data'] instanceof Secret ? properties['data'].value : properties['data'];
  const encoded: PropertyMap = isMap(data) ? { ...data } : {};
  for (const [name, value] of Object.entries(plain)) encoded[name] = value === undefined ? value : base64(value);
  const normalized: PropertyMap = { ...properties, data: encoded };
  delete normalized['stringData'];
  return normalized;
}

function base64(value: Value): Value {
  if (value instanceof Secret) return new Secret(base64(value.value));
  if (value instanceof Unknown) return value;
  return Buffer.from(scalar(value), 'utf8').toString('base64');
}

/** The live object cut down to what the inputs mention: what the server filled in is no difference. */
export function prune(live: unknown, inputs: unknown): unknown {
  if (Array.isArray(live) && Array.isArray(inputs)) {
    return inputs.slice(0, live.length).map((input, i) => prune(live[i], input));
  }
  if (isPlain(live) && isPlain(inputs)) {
    const kept = Object.entries(live).filter(([name]) => name in inputs);
    return Object.fromEntries(kept.map(([name, value]) => [name, prune(value, inputs[name])]));
  }
  return live;
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
