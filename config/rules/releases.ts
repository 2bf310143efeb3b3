import semver from 'semver';
import { Problem } from '../problem';
import type { StackConfig } from '../schema';
import { isSupportedKubernetes, OLDEST_TALOS } from '../versions';
import { nodesOf, rule, type Rule } from './rule';

/** Talos and Kubernetes releases. */
export const RELEASE_RULES: Rule[] = [
  rule(['releases'], ({ releases }) => {
    const { active } = releases;
    if (releases[active]) return [];
    return [new Problem(['releases', 'active'], `releases.${active} to be filled`, 'it empty')];
  }),

  rule(['releases', 'nodes'], ({ releases, nodes }) =>
    nodesOf({ nodes }).flatMap(([name, { release }]) => {
      if (release === undefined || releases[release]) return [];
      return [new Problem(['nodes', name, 'release'], 'a filled slot', `${release}, which is empty`)];
    }),
  ),

  rule(['releases'], (config) =>
    filled(config)
      .filter(([, { talos }]) => semver.lt(talos, OLDEST_TALOS))
      .map(([slot, { talos }]) => {
        const expected = `Talos ${OLDEST_TALOS} or newer, the first with installer images of its own for Proxmox`;
        return new Problem(['releases', slot, 'talos'], expected, talos);
      }),
  ),

  rule(['releases'], (config) =>
    filled(config).flatMap(([slot, { talos, kubernetes }]) => {
      if (semver.lt(talos, OLDEST_TALOS)) return [];
      const verdict = isSupportedKubernetes(talos, kubernetes);
      if (verdict.ok) return [];
      return [new Problem(['releases', slot, verdict.wrong], verdict.expected, verdict.found)];
    }),
  ),

  // While control planes are replaced, both run: API servers may be one minor apart.
  rule(['releases'], ({ releases: { a, b } }) => {
    if (!a || !b) return [];
    const [left, right] = [semver.minor(a.kubernetes), semver.minor(b.kubernetes)];
    if (semver.major(a.kubernetes) === semver.major(b.kubernetes) && Math.abs(left - right) <= 1) return [];
    const expected = `a Kubernetes release at most one minor from ${a.kubernetes} in slot a`;
    return [new Problem(['releases', 'b', 'kubernetes'], expected, b.kubernetes)];
  }),
];

function filled({ releases }: Pick<StackConfig, 'releases'>): ['a' | 'b', { talos: string; kubernetes: string }][] {
  return (['a', 'b'] as const).flatMap((slot) => {
    const release = releases[slot];
    return release ? [[slot, release]] : [];
  });
}
