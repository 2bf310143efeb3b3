import type { Value } from './values.js';

/** One property of a resource, as a bridged provider declares it. */
export interface Property {
  kind: 'string' | 'number' | 'bool' | 'list' | 'block' | 'map';
  required?: boolean;
  /** Filled into the inputs when none is given. A default that is empty, zero or false is implied, not filled in. */
  default?: Value;
  /** The provider fills it in when it is not given. */
  computed?: boolean;
  /** Never an input. */
  outputOnly?: boolean;
  /** A change cannot be made in place. */
  replace?: boolean;
  /** Encrypted in inputs and outputs. */
  secret?: boolean;
  /** Accepted values of a string. */
  oneOf?: readonly string[];
  /** Members of a block. */
  fields?: Schema;
  /** Elements of a list or map. */
  element?: Property;
  /** True when the two values mean the same, so that a difference between them is none. */
  same?(old: Value, planned: Value): boolean;
}

export type Schema = Readonly<Record<string, Property>>;

type Options = Omit<Property, 'kind' | 'fields' | 'element'>;

export const string = (options: Options = {}): Property => ({ kind: 'string', ...options });
export const number = (options: Options = {}): Property => ({ kind: 'number', ...options });
export const bool = (options: Options = {}): Property => ({ kind: 'bool', ...options });
export const list = (element: Property, options: Options = {}): Property => ({ kind: 'list', element, ...options });
export const block = (fields: Schema, options: Options = {}): Property => ({ kind: 'block', fields, ...options });
export const map = (element: Property, options: Options = {}): Property => ({ kind: 'map', element, ...options });

/** True when a change of this property, or of anything within it, cannot be made in place. */
export function replaces(property: Property): boolean {
  if (property.replace === true) return true;
  if (property.element && replaces(property.element)) return true;
  return property.fields !== undefined && Object.values(property.fields).some(replaces);
}
