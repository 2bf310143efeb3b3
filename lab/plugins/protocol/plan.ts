import { DEFAULTS } from './check.js';
import { contains, formatPath, parsePath, valueAt } from './paths.js';
import type { Path } from './paths.js';
import type { PropertyChange } from './provider.js';
import { replaces } from './schema.js';
import type { Property, Schema } from './schema.js';
import { equal, isMap, secret, UNKNOWN, Unknown } from './values.js';
import type { PropertyMap, Value } from './values.js';

export interface Plan {
  /** What the resource will be, with UNKNOWN where only the operation itself can tell. */
  planned: PropertyMap;
  changes: Map<string, PropertyChange>;
}

/**
 * Plans from the last known state to new inputs, as a bridged provider does: what is not given and computed keeps its
 * state, what is empty equals what is absent, and everything else that differs is a change with its own path.
 * @param ignoreChanges property paths whose state is kept.
 */
export function plan(schema: Schema, state: PropertyMap, inputs: PropertyMap, ignoreChanges: string[] = []): Plan {
  const planned = planBlock(schema, state, inputs);
  const ignored = ignoreChanges.map(parsePath);
  for (const path of ignored) keep(planned, path, valueAt(state, path));
  const changes = new Map<string, PropertyChange>();
  compareBlock(schema, state, planned, [], false, (path, change) => {
    if (!ignored.some((outer) => contains(outer, path))) changes.set(formatPath(path), change);
  });
  return { planned, changes };
}

/** What a resource will be that does not exist yet. */
export function planCreation(schema: Schema, inputs: PropertyMap): PropertyMap {
  return planBlock(schema, undefined, inputs);
}

function planBlock(schema: Schema, state: PropertyMap | undefined, inputs: PropertyMap): PropertyMap {
  const planned: PropertyMap = {};
  for (const [name, property] of Object.entries(schema)) {
    const input = inputs[name];
    const old = state?.[name];
    if (input !== undefined && input !== null) planned[name] = planValue(property, old, input, state !== undefined);
    else if (property.computed === true || property.outputOnly === true) planned[name] = state ? old : UNKNOWN;
    else if (property.default !== undefined) planned[name] = property.default;
  }
  return planned;
}

function planValue(property: Property, old: Value | undefined, input: Value, exists: boolean): Value {
  if (property.kind === 'block' && isMap(input)) {
    return planBlock(property.fields ?? {}, isMap(old) ? old : exists ? {} : undefined, input);
  }
  const element = property.element;
  if (property.kind === 'list' && element && Array.isArray(input)) {
    const olds = Array.isArray(old) ? old : [];
    return input.map((item, i) => planValue(element, olds[i], item, exists && i < olds.length));
  }
  return input;
}

function keep(planned: PropertyMap, path: Path, value: Value | undefined): void {
  const last = path.at(-1);
  const parent = valueAt(planned, path.slice(0, -1));
  if (isMap(parent) && typeof last === 'string') parent[last] = value;
  else if (Array.isArray(parent) && typeof last === 'number' && value !== undefined) parent[last] = value;
}

type Report = (path: Path, change: PropertyChange) => void;

function compareBlock(
  schema: Schema,
  old: PropertyMap,
  planned: PropertyMap,
  path: Path,
  within: boolean,
  report: Report,
): void {
  for (const [name, property] of Object.entries(schema)) {
    compareValue(property, old[name], planned[name], [...path, name], within || property.replace === true, report);
  }
}

function compareValue(
  property: Property,
  oldValue: Value | undefined,
  plannedValue: Value | undefined,
  path: Path,
  replace: boolean,
  report: Report,
): void {
  const [old, planned] = [present(oldValue), present(plannedValue)];
  if (equal(old, planned) || property.same?.(old ?? null, planned ?? null) === true) return;
  if (old === undefined || planned === undefined || planned instanceof Unknown) {
    const kind = old === undefined ? 'add' : planned === undefined ? 'delete' : 'update';
    report(path, { kind, replace: replace || replaces(property) });
  } else if (property.kind === 'block' && isMap(old) && isMap(planned)) {
    compareBlock(property.fields ?? {}, old, planned, path, replace, report);
  } else if (property.element && Array.isArray(old) && Array.isArray(planned)) {
    for (let i = 0; i < Math.max(old.length, planned.length); i += 1) {
      compareValue(property.element, old[i], planned[i], [...path, i], replace, report);
    }
  } else {
    report(path, { kind: 'update', replace });
  }
}

/** Empty, zero and false are what an absent value of a bridged provider reads as. */
function present(value: Value | undefined): Value | undefined {
  if (value === null || value === '' || value === 0 || value === false) return undefined;
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

/** The inputs that would lead to a refreshed state: each given input, with the state's value for it. */
export function inputsFromState(inputs: PropertyMap, state: PropertyMap): PropertyMap {
  const result: PropertyMap = {};
  for (const [name, input] of Object.entries(inputs)) {
    const value = state[name];
    if (name !== DEFAULTS && value !== undefined && value !== null) result[name] = inputFromState(input, value);
  }
  return result;
}

function inputFromState(input: Value | undefined, value: Value): Value {
  if (isMap(input) && isMap(value)) return inputsFromState(input, value);
  if (Array.isArray(input) && Array.isArray(value)) {
    return value.slice(0, input.length).map((element, i) => inputFromState(input[i], element));
  }
  return value;
}

/** Marks what the schema calls secret. */
export function markSecrets(schema: Schema, properties: PropertyMap): PropertyMap {
  const marked: PropertyMap = {};
  for (const [name, value] of Object.entries(properties)) {
    const property = schema[name];
    if (value === undefined || value === null) continue;
    const inner = property?.fields && isMap(value) ? markSecrets(property.fields, value) : value;
    marked[name] = property?.secret === true ? secret(inner) : inner;
  }
  return marked;
}

/** The top-level properties that change. */
export function changedKeys(changes: Map<string, PropertyChange>): Set<string> {
  return new Set([...changes.keys()].map((path) => String(parsePath(path)[0])));
}
