import semver from 'semver';

/** Older ones have one installer image for all platforms, and the program names that of `nocloud`. */
export const OLDEST_TALOS = 'v1.10.0';

/** Kubernetes minors that each Talos minor supports, first and last (facts: Talos compatibility tables). */
const KUBERNETES_RANGE: Record<string, [number, number]> = {
  '1.10': [28, 33],
  '1.11': [29, 34],
  '1.12': [30, 35],
  '1.13': [31, 36],
  '1.14': [32, 37],
  '1.15': [33, 38],
};

export type Verdict =
  { ok: true } | { ok: false; /** Which of the two. */ wrong: 'talos' | 'kubernetes'; expected: string; found: string };

/** Whether a Talos release runs a Kubernetes version. Versions as in the stack file, with their `v`. */
export function isSupportedKubernetes(talos: string, kubernetes: string): Verdict {
  const range = KUBERNETES_RANGE[`${semver.major(talos)}.${semver.minor(talos)}`];
  if (!range) {
    const known = Object.keys(KUBERNETES_RANGE).map((minor) => `v${minor}`);
    return { ok: false, wrong: 'talos', expected: `a Talos release from ${known[0]} to ${known.at(-1)}`, found: talos };
  }
  const minor = semver.minor(kubernetes);
  if (semver.major(kubernetes) === 1 && minor >= range[0] && minor <= range[1]) return { ok: true };
  const expected = `Kubernetes v1.${range[0]} to v1.${range[1]} with Talos ${talos}`;
  return { ok: false, wrong: 'kubernetes', expected, found: kubernetes };
}
