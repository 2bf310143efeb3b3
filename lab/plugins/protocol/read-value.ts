import { isMap } from './values.js';
import type { PropertyMap, Value } from './values.js';

/** Typed reads of decoded properties; an absent or differently typed value reads as empty. */

export function text(value: Value | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A scalar in words; '' for anything that has members. */
export function scalar(value: Value | undefined): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

export function num(value: Value | undefined): number {
  return typeof value === 'number' ? value : 0;
}

export function flag(value: Value | undefined): boolean {
  return value === true;
}

export function items(value: Value | undefined): Value[] {
  return Array.isArray(value) ? value : [];
}

export function maps(value: Value | undefined): PropertyMap[] {
  return items(value).filter(isMap);
}

export function texts(value: Value | undefined): string[] {
  return items(value).filter((item): item is string => typeof item === 'string');
}

/** A block, or undefined when it is not there. */
export function member(value: Value | undefined): PropertyMap | undefined {
  return isMap(value) ? value : undefined;
}
