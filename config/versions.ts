import semver from 'semver';

/** Kubernetes minors that each Talos minor supports, first and last (facts: Talos compatibility tables). */
const KUBERNETES_RANGE: Record<string, [number, number]> = {
  '1.9': [27, 32],
  '1.10': [28, 33],
  '1.11': [29, 34],
  '1.12': [30, 35],
  '1.13': [31, 36],
  '1.14': [32, 37],
  '1.15': [33, 38],
};

export type Verdict = { ok: true } | { ok: false; why: string };

/** Whether a Talos release runs a Kubernetes version. Versions as in the stack file, with their `v`. */
export function isSupportedKubernetes(talos: string, kubernetes: string): Verdict {
  const host = semver.parse(talos);
  const guest = semver.parse(kubernetes);
  if (!host || !guest) return { ok: false, why: `expected two versions, found ${talos} and ${kubernetes}` };
  const range = KUBERNETES_RANGE[`${host.major}.${host.minor}`];
  if (!range) {
    const known = Object.keys(KUBERNETES_RANGE);
    return { ok: false, why: `expected a Talos release from ${known[0]} to ${known.at(-1)}, found ${talos}` };
  }
  if (guest.major === 1 && guest.minor >= range[0] && guest.minor <= range[1]) return { ok: true };
  return {
    ok: false,
    why: `expected Kubernetes v1.${range[0]} to v1.${range[1]} with Talos ${talos}, found ${kubernetes}`,
  };
}
