import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import type { MachineConfiguration } from './configuration.js';

/** What a running machine takes over at once. Everything else of the v1alpha1 document waits for a reboot. */
const IMMEDIATE = {
  document: ['debug', 'cluster'],
  machine: [
    'ca',
    'acceptedCAs',
    'time',
    'certSANs',
    'install',
    'network',
    'sysfs',
    'sysctls',
    'logging',
    'controlPlane',
    'kubelet',
    'kernel',
    'registries',
    'pods',
    'seccompProfiles',
    'nodeAnnotations',
    'nodeLabels',
    'nodeTaints',
  ],
  features: ['kubernetesTalosAPIAccess', 'kubePrism', 'hostDNS', 'imageCache', 'nodeAddressSortAlgorithm'],
};

/** Why a change needs a reboot; undefined when the machine can take it over as it runs. */
export function whyReboot(current: MachineConfiguration, next: MachineConfiguration): string | undefined {
  const [before, after] = [slowPart(current), slowPart(next)];
  if (isDeepStrictEqual(before, after)) return undefined;
  const diff = lineDiff(stringify(before), stringify(after));
  return `this config change can't be applied in immediate mode\ndiff:\n${diff}`;
}

/**
 * What a dry run shows. Lines with keys, tokens or certificates are shown with their values left out: unlike Talos,
 * the lab must not print a secret.
 */
export function describeChange(current: MachineConfiguration | undefined, next: MachineConfiguration): string {
  const diff = lineDiff(normal(current?.text ?? ''), normal(next.text));
  return diff === '' ? 'No changes.' : `Config diff:\n\n${diff}`;
}

function slowPart({ v1alpha1 }: MachineConfiguration): Record<string, unknown> {
  const document = without(v1alpha1 as Record<string, unknown>, IMMEDIATE.document);
  const machine = without((document['machine'] ?? {}) as Record<string, unknown>, IMMEDIATE.machine);
  const features = without((machine['features'] ?? {}) as Record<string, unknown>, IMMEDIATE.features);
  return { ...document, machine: { ...machine, features } };
}

function without(value: Record<string, unknown>, keys: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** The same content gives the same lines, whatever its comments and order of keys. */
function normal(text: string): string {
  return parseAllDocuments(text)
    .map((document) => stringify(document.toJS(), { sortMapEntries: true }))
    .join('---\n');
}

const SECRET = /^(\s*(?:- )?(?:key|crt|token|secret|id|\w*[sS]ecret|\w*Token|\w*[pP]assword|auth):).*$/;

/** Lines that only one of the texts has, in their order. */
function lineDiff(before: string, after: string): string {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  const removed = subtract(old, fresh).map((line) => `-${redact(line)}`);
  const added = subtract(fresh, old).map((line) => `+${redact(line)}`);
  return [...removed, ...added].join('\n');
}

function subtract(lines: string[], others: string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    if (count > 0) left.set(line, count - 1);
    return count === 0;
  });
}

function redact(line: string): string {
  return line.replace(SECRET, '$1 <redacted>');
}
