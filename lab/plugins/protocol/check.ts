import { randomBytes } from 'node:crypto';
import type { Failure } from './provider.js';
import { formatPath } from './paths.js';
import type { Path } from './paths.js';
import { scalar } from './read-value.js';
import type { Property, Schema } from './schema.js';
import { isMap, Secret, secret, Unknown } from './values.js';
import type { PropertyMap, Value } from './values.js';

/** Names the members that were filled in by default, in every block of the inputs. */
export const DEFAULTS = '__defaults';

/** Validates inputs against a schema and fills in defaults, as a bridged provider's Check does. */
export function checkInputs(schema: Schema, news: PropertyMap): { inputs: PropertyMap; failures: Failure[] } {
  const failures: Failure[] = [];
  return { inputs: checkBlock(schema, news, [], failures), failures };
}

function checkBlock(schema: Schema, news: PropertyMap, path: Path, failures: Failure[]): PropertyMap {
  const inputs: PropertyMap = {};
  const defaults: string[] = [];
  for (const name of Object.keys(news)) {
    if (name === DEFAULTS || (schema[name] && schema[name].outputOnly !== true)) continue;
    failures.push(failure([...path, name], 'an argument of this name is not expected here'));
  }
  for (const [name, property] of Object.entries(schema)) {
    const value = news[name];
    if (value !== undefined && value !== null) {
      const checked = checkValue(property, value, [...path, name], failures);
      inputs[name] = property.secret === true ? secret(checked) : checked;
    } else if (property.required === true) {
      failures.push(failure([...path, name], 'missing required argument'));
    } else if (property.default !== undefined && !implied(property.default)) {
      inputs[name] = property.default;
      defaults.push(name);
    }
  }
  inputs[DEFAULTS] = defaults.sort();
  return inputs;
}

function checkValue(property: Property, value: Value, path: Path, failures: Failure[]): Value {
  if (value instanceof Unknown) return value;
  if (value instanceof Secret) return new Secret(checkValue(property, value.value, path, failures));
  if (property.kind === 'block' && isMap(value)) return checkBlock(property.fields ?? {}, value, path, failures);
  const element = property.element;
  if (property.kind === 'list' && Array.isArray(value) && element) {
    return value.map((item, i) => checkValue(element, item, [...path, i], failures));
  }
  if (property.kind === 'map' && isMap(value)) return value;
  return checkScalar(property, value, path, failures);
}

function checkScalar(property: Property, value: Value, path: Path, failures: Failure[]): Value {
  const converted = convert(property.kind, value);
  if (converted === undefined) {
    failures.push(failure(path, `expected ${property.kind}, found ${Array.isArray(value) ? 'list' : typeof value}`));
    return value;
  }
  if (property.oneOf && converted !== '' && !property.oneOf.includes(scalar(converted))) {
    failures.push(failure(path, `expected one of ${property.oneOf.join(', ')}, found '${scalar(converted)}'`));
  }
  return converted;
}

/** The value in the property's kind; bridged providers take '8' for 8 and true for 'true'. */
function convert(kind: Property['kind'], value: Value): Value | undefined {
  if (kind === 'string') return typeof value === 'object' ? undefined : String(value);
  if (kind === 'number') {
    const converted = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof converted === 'number' && !Number.isNaN(converted) ? converted : undefined;
  }
  if (kind === 'bool') return value === 'true' ? true : value === 'false' ? false : bool(value);
  return undefined;
}

function bool(value: Value): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function implied(value: Value): boolean {
  return value === '' || value === 0 || value === false;
}

function failure(path: Path, reason: string): Failure {
  return { property: formatPath(path), reason };
}

/** Whether an input was given by the program, not filled in by default. */
export function isGiven(inputs: PropertyMap, name: string): boolean {
  const defaults = inputs[DEFAULTS];
  return inputs[name] !== undefined && Array.isArray(defaults) && !defaults.includes(name);
}

/** Names a resource after its URN when the program gave no name; a name given before by default is kept. */
export function autoname(inputs: PropertyMap, olds: PropertyMap, resourceName: string): void {
  if (inputs['name'] !== undefined) return;
  const kept = olds['name'] !== undefined && !isGiven(olds, 'name') ? olds['name'] : undefined;
  inputs['name'] = kept ?? `${resourceName}-${randomBytes(4).toString('hex').slice(0, 7)}`;
  const defaults = inputs[DEFAULTS];
  inputs[DEFAULTS] = [...(Array.isArray(defaults) ? defaults : []), 'name'];
}
