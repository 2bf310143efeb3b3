import type { Value } from '../../protocol/values.js';
import { splitOnce } from './disks.js';

/** A VM's configuration as GET config returns it. */
export type VmConfig = Record<string, string | number | undefined>;

/** A setting as text; '' when it is not set. */
export function setting(config: VmConfig, name: string): string {
  const value = config[name];
  return value === undefined ? '' : String(value);
}

export function isSet(config: VmConfig, name: string): boolean {
  return config[name] !== undefined;
}

export function numberSetting(config: VmConfig, name: string, otherwise = 0): number {
  return isSet(config, name) ? Number(config[name]) : otherwise;
}

/** Trap, copied: only the number 1 is true; "1" in quotes reads as false. */
export function boolSetting(config: VmConfig, name: string, otherwise = false): boolean {
  return isSet(config, name) ? config[name] === 1 : otherwise;
}

/** 'a,b=c,d=e' as [['a', undefined], ['b', 'c'], ['d', 'e']]. */
export function options(value: string): [string, string | undefined][] {
  return value
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => splitOnce(part.trim(), '='));
}

/** The named options of a setting, and its first word without a name as ''. */
export function optionMap(value: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, content] of options(value)) {
    if (content === undefined) result[''] ??= name;
    else result[name] = content;
  }
  return result;
}

/** The settings PREFIX0, PREFIX1 ... by their number, up to the highest that is set. */
export function numbered(config: VmConfig, prefix: string): (string | undefined)[] {
  const result: (string | undefined)[] = [];
  for (const name of Object.keys(config)) {
    const match = new RegExp(`^${prefix}(\\d+)$`).exec(name);
    if (match) result[Number(match[1])] = setting(config, name);
  }
  return Array.from(result);
}

export type Read = Record<string, Value | undefined>;
