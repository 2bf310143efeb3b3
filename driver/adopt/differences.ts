import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { needsPowerOff } from '../vmEffects';
import { at, isObject, type ConfigDocument } from './liveCluster';
import type { Finding } from './findings';

/** Where the stack file can say what was found. */
const IN_STACK_FILE: Record<string, string> = {
  bios: 'bios',
  cpu: 'hardware.cores, hardware.sockets and proxmox.cpuType',
  memory: 'hardware.memory',
  disks: 'hardware.disk and hardware.dataDisk',
  networkDevices: 'mac, networks and macs',
  hostpcis: 'pci',
  onBoot: 'onBoot',
  startup: 'startup',
  tags: 'tags',
};

/** The top-level property of a provider's path: `disks` of `disks[0].size`. */
export function propertyOf(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}

/** One finding for each property of a VM that differs. */
export function vmDifferences(
  subject: string,
  entry: string,
  keep: string[],
  live: Record<string, unknown>,
  wanted: Record<string, unknown>,
): Finding[] {
  return keep.map((property) => {
    const elsewhere = IN_STACK_FILE[property];
    const restart = needsPowerOff(property) ? 'which restarts the VM' : 'without a restart';
    const said = elsewhere === undefined ? '' : `, or say it in ${elsewhere}`;
    const settle = `kept until it is replaced; to change it now remove ${property} from ${entry}.keep, ${restart}${said}`;
    const [was, will] = whereTheyDiffer(live[property], wanted[property]);
    return { what: `${subject} ${property}`, live: show(was), program: show(will), settle };
  });
}

/** The same two values, less what the program says nothing about, and what it says alike. */
function whereTheyDiffer(live: unknown, wanted: unknown): [unknown, unknown] {
  if (Array.isArray(live) && Array.isArray(wanted) && live.length === wanted.length) {
    const pairs = wanted.map((item, index) => whereTheyDiffer(live[index], item));
    return [pairs.map(([was]) => was), pairs.map(([, will]) => will)];
  }
  if (!isObject(wanted)) return [live, wanted];
  const said = Object.entries(wanted).filter(([key]) => key !== '__defaults');
  if (!isObject(live)) return [live, Object.fromEntries(said)];
  const pairs = said
    .filter(([key, value]) => !isDeepStrictEqual(live[key], value))
    .map(([key, value]) => [key, whereTheyDiffer(live[key], value)] as const);
  if (pairs.length === 0) return [live, Object.fromEntries(said)];
  return [
    Object.fromEntries(pairs.map(([key, [was]]) => [key, was])),
    Object.fromEntries(pairs.map(([key, [, will]]) => [key, will])),
  ];
}

/** One finding for each value of a machine configuration that differs; values that may be secret are not shown. */
export function configurationDifferences(node: string, live: string, wanted: string): Finding[] {
  const [was, is] = [flatten(live), flatten(wanted)];
  const paths = [...new Set([...was.keys(), ...is.keys()])].sort();
  return paths
    .filter((path) => !isDeepStrictEqual(was.get(path), is.get(path)))
    .map((path) => ({
      what: `${node} machine configuration ${path}`,
      live: hide(path, was.get(path)),
      program: hide(path, is.get(path)),
      settle: `kept until it is replaced; to apply the program's now remove adopted.nodes.${node}.keepConfiguration`,
    }));
}

const SECRET = /token|secret|\bkey\b|\bcrt\b|password|\bauth\b|aggregatorCA|serviceAccount/i;

function hide(path: string, value: unknown): string {
  return value !== undefined && SECRET.test(path) ? '(not shown)' : show(value);
}

/** Values by their path; an empty object or list says the same as none. */
function flatten(configuration: string): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const document of parseAllDocuments(configuration)) {
    const content = document.toJS() as ConfigDocument;
    const prefix = [at(content, 'kind'), at(content, 'name')].filter((part) => typeof part === 'string').join('/');
    walk(content, prefix === '' ? [] : [prefix], flat);
  }
  return flat;
}

function walk(value: unknown, path: string[], flat: Map<string, unknown>): void {
  if (isObject(value)) for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key], flat);
  else if (value !== null && !(Array.isArray(value) && value.length === 0)) flat.set(path.join('.'), value);
}

function show(value: unknown): string {
  if (value === undefined || value === null) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 70 ? `${line.slice(0, 67)}...` : line;
}
