import { randomUUID } from 'node:crypto';
import { UNKNOWN } from '@prox-ops/operations';
import { inputsAfter, type PlannedResource } from './enginePlan';

/** A resource in an exported state. */
export interface StateEntry {
  urn: string;
  type: string;
  custom: boolean;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  parent?: string;
  protect?: boolean;
  provider?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
  [key: string]: unknown;
}

export interface Deployment {
  version: number;
  deployment: { resources?: StateEntry[]; secrets_providers?: unknown; [key: string]: unknown };
}

/** The mark of a special value in a state, and the kind that is a secret. */
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';

/** A secret as an exported state has it in plain text. */
export function secret(value: unknown): object {
  return { [SIGNATURE]: SECRET, plaintext: JSON.stringify(value) };
}

/** A value of a state whose secrets are in plain text, without the marks. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = value as Record<string, unknown>;
  if (entries[SIGNATURE] === SECRET && typeof entries['plaintext'] === 'string')
    return plain(JSON.parse(entries['plaintext']) as unknown);
  return Object.fromEntries(Object.entries(entries).map(([key, inner]) => [key, plain(inner)]));
}

/** A state entry for what a program registers, with its dependencies: the cascade of a replacement runs along them. */
export function entryFor(
  planned: PlannedResource,
  fields: Pick<StateEntry, 'id' | 'outputs'>,
  inputsBefore: Record<string, unknown> = {},
): StateEntry {
  const { urn, type, custom, parent, protect, provider, dependencies, propertyDependencies } = planned;
  const inputs = inputsAfter(inputsBefore, planned.inputDiff);
  return {
    urn,
    type,
    custom,
    ...fields,
    inputs,
    ...(parent !== undefined && { parent }),
    ...(protect && { protect }),
    ...(provider !== undefined && { provider }),
    dependencies,
    propertyDependencies,
  };
}

/** Components, the stack and providers: all that has to be there before anything else can be. */
export function skeleton(planned: PlannedResource[]): StateEntry[] {
  return planned
    .filter(({ custom, type }) => !custom || type.startsWith('pulumi:providers:'))
    .map((resource) => {
      if (!resource.custom) return entryFor(resource, { outputs: {} });
      return entryFor(resource, { id: randomUUID(), outputs: inputsAfter({}, resource.inputDiff) });
    });
}

/** What the first update will make is in no state yet, and a state that depends on it is refused. */
export function withKnownDependencies(resources: StateEntry[]): StateEntry[] {
  const known = new Set(resources.map(({ urn }) => urn));
  const only = (urns: string[] = []): string[] => urns.filter((urn) => known.has(urn));
  return resources.map((resource) => {
    const properties = Object.entries(resource.propertyDependencies ?? {});
    const propertyDependencies = Object.fromEntries(properties.map(([key, urns]) => [key, only(urns)]));
    return { ...resource, dependencies: only(resource.dependencies), propertyDependencies };
  });
}

/** Provider references name the provider's id, which a plan of something new does not know. */
export function withProviderIds(resources: StateEntry[]): StateEntry[] {
  const ids = new Map(resources.map(({ urn, id }) => [urn, id]));
  return resources.map((resource) => {
    const urn = resource.provider?.replace(/::[^:]*$/, '');
    return urn === undefined ? resource : { ...resource, provider: `${urn}::${ids.get(urn) ?? UNKNOWN}` };
  });
}

/** Parents and dependencies first, as a state has to be ordered. */
export function ordered(resources: StateEntry[]): StateEntry[] {
  const known = new Map(resources.map((resource) => [resource.urn, resource]));
  const placed = new Set<string>();
  const result: StateEntry[] = [];
  const place = (resource: StateEntry): void => {
    if (placed.has(resource.urn)) return;
    placed.add(resource.urn);
    const provider = resource.provider?.replace(/::[^:]*$/, '');
    const before = [resource.parent, provider, ...(resource.dependencies ?? [])];
    for (const properties of Object.values(resource.propertyDependencies ?? {})) before.push(...properties);
    for (const urn of before) {
      const other = urn === undefined ? undefined : known.get(urn);
      if (other) place(other);
    }
    result.push(resource);
  };
  for (const resource of resources) place(resource);
  return result;
}

/** Whether a value is not known before an update. */
export function hasUnknown(value: unknown): boolean {
  return JSON.stringify(value ?? null).includes(UNKNOWN);
}
