import type { StateEntry } from '../adopt/deployment';

/** Why a resource stays; undefined lets it go. */
export type Stays = (resource: StateEntry) => string | undefined;

export interface Scope {
  /** URNs of what goes, dependents of each among them. */
  goes: string[];
  /** What stays for a reason of its own, with the reason. */
  stays: { urn: string; why: string }[];
}

/**
 * Parts a state into what goes and what stays. Whatever something that stays needs (its parent, its provider, what it
 * depends on) stays with it: the engine refuses to delete what is depended on.
 */
export function scopeOf(resources: StateEntry[], stays: Stays): Scope {
  const known = new Map(resources.map((resource) => [resource.urn, resource]));
  const reasons = resources.flatMap((resource) => {
    const why = stays(resource);
    return why === undefined ? [] : [{ urn: resource.urn, why }];
  });
  const kept = new Set<string>();
  const keep = (urn: string): void => {
    if (kept.has(urn)) return;
    kept.add(urn);
    const resource = known.get(urn);
    if (resource) for (const needed of neededBy(resource)) keep(needed);
  };
  for (const { urn } of reasons) keep(urn);
  return { goes: resources.map(({ urn }) => urn).filter((urn) => !kept.has(urn)), stays: reasons };
}

function neededBy({ parent, provider, dependencies = [], propertyDependencies = {} }: StateEntry): string[] {
  // A provider reference ends in the provider's id.
  const own = provider?.replace(/::[^:]*$/, '');
  const properties = Object.values(propertyDependencies).flat();
  return [parent, own, ...dependencies, ...properties].filter((urn) => urn !== undefined && urn !== '') as string[];
}
