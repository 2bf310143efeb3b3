import type { ClusterState, Schematics } from '@prox-ops/operations';
import type { NodePlan } from '../config/plan';
import { splitUrn } from './changes';
import { SCHEMATIC_TYPE, type StackState } from './state';

/** What differs from the stack file, in words, by node; a node that is as it should be is not in it. */
export type Staleness = Record<string, string[]>;

/** Schematic ids by variant, as the last update had them made: an id is the image factory's answer, not to be guessed. */
export function wantedSchematics(state: StackState): Record<string, string> {
  const made = state.resources().filter(({ type }) => type === SCHEMATIC_TYPE);
  return Object.fromEntries(made.map(({ urn, id = '' }) => [splitUrn(urn).name.replace(/^schematic-/, ''), id]));
}

export function stalenessOf(
  planned: NodePlan[],
  state: ClusterState,
  installed: Schematics,
  wanted: Record<string, string>,
): Staleness {
  const stale = planned.map((node) => {
    const now = state.nodes.find(({ name }) => name === node.name);
    const differs = [
      ...differing('Talos', now?.talos, node.release.talos),
      ...differing('kubelet', now?.kubelet, node.release.kubernetes),
      ...differingSchematic(installed[node.name], wanted[node.variant]),
    ];
    return [node.name, differs] as const;
  });
  return Object.fromEntries(stale.filter(([, differs]) => differs.length > 0));
}

function differing(what: string, found: string | undefined, wanted: string): string[] {
  return found === wanted ? [] : [`${what} ${found || 'unknown'}, wanted ${wanted}`];
}

function differingSchematic(found: Schematics[string] | undefined, wanted: string | undefined): string[] {
  if (found === undefined || wanted === undefined) return [];
  if ('trouble' in found) return [`schematic unknown (${found.trouble})`];
  return found.id === wanted ? [] : [`schematic ${found.id.slice(0, 12)}, wanted ${wanted.slice(0, 12)}`];
}
