import semver from 'semver';
import { isSupportedKubernetes } from './versions';

export type Difference = 'none' | 'patch' | 'minor' | 'major' | 'older';

/** What lies between two releases. */
export function differenceBetween(from: string, to: string): Difference {
  if (semver.eq(from, to)) return 'none';
  if (semver.lt(to, from)) return 'older';
  if (semver.major(from) !== semver.major(to)) return 'major';
  return semver.minor(from) === semver.minor(to) ? 'patch' : 'minor';
}

interface Installed {
  talos: string;
  kubernetes: string;
}

/** A step that the upgrade path allows from here, or would, once something else is done. */
export interface NextStep {
  /** v1.12.x */
  releases: string;
  /** How it gets onto the nodes: docs/in-place.md. */
  how: 'in place' | 'replaces nodes';
  /** What has to come first; absent when nothing does. */
  after?: string;
}

/** What may follow the installed Talos release: patches of its minor, and the next minor. */
export function nextTalos({ talos, kubernetes }: Installed): NextStep[] {
  const here = minorOf(talos);
  const next = minorOf(talos, 1);
  const verdict = isSupportedKubernetes(`${next}.0`, kubernetes);
  const steps: NextStep[] = [{ releases: `${here}.x`, how: 'in place' }];
  if (verdict.ok) return [...steps, { releases: `${next}.x`, how: 'replaces nodes' }];
  // What this program knows nothing of is no step that it would propose.
  if (verdict.wrong === 'talos') return steps;
  return [...steps, { releases: `${next}.x`, how: 'replaces nodes', after: verdict.expected }];
}

/** What may follow the installed Kubernetes release: patches of its minor, and the next minor where Talos runs it. */
export function nextKubernetes({ talos, kubernetes }: Installed): NextStep[] {
  const next = minorOf(kubernetes, 1);
  const steps: NextStep[] = [{ releases: `${minorOf(kubernetes)}.x`, how: 'replaces nodes' }];
  if (isSupportedKubernetes(talos, `${next}.0`).ok) return [...steps, { releases: `${next}.x`, how: 'replaces nodes' }];
  const first = [1, 2]
    .map((by) => minorOf(talos, by))
    .find((minor) => isSupportedKubernetes(`${minor}.0`, `${next}.0`).ok);
  if (first === undefined) return steps;
  return [...steps, { releases: `${next}.x`, how: 'replaces nodes', after: `Talos ${first}.x` }];
}

/** Why a release cannot follow an installed one; undefined when it can. A major is allowed, with approval. */
export function pathProblem(what: string, from: string, to: string): string | undefined {
  const difference = differenceBetween(from, to);
  const minors = semver.minor(to) - semver.minor(from);
  if (difference === 'minor' && minors > 1)
    return `${what} ${from} -> ${to}: expected one minor at a time, ${minorOf(from, 1)}.x first`;
  if (difference === 'major' && (semver.major(to) !== semver.major(from) + 1 || semver.minor(to) !== 0))
    return `${what} ${from} -> ${to}: expected the first minor of the next major, v${semver.major(from) + 1}.0.x`;
  return undefined;
}

function minorOf(release: string, further = 0): string {
  return `v${semver.major(release)}.${semver.minor(release) + further}`;
}
