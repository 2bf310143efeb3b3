import { fullName } from '../clients/kubernetesObjects.js';
import { covers } from './budgets.js';
import { listed } from './finding.js';
import type { Budget, SchedulablePod } from './objects.js';
import { isMadeAgain } from './pods.js';
import { fitOf } from './scheduler/fit.js';
import { withoutRoom } from './scheduler/room.js';
import { namespaceOf, type Scene } from './scheduler/scene.js';

/** What a drain of a node evicts. */
export interface LeavingPods {
  node: string;
  evict: SchedulablePod[];
}

/** Rook's labels of what keeps data, or the quorum over it. */
const CEPH = ['rook-ceph-osd', 'rook-ceph-mon'];

/** Why a node goes alone, for the sake of the pods on it. */
export function workloadAlone({ node, evict }: LeavingPods, closed: string[], scene: Scene): string | undefined {
  const emptied = withoutPods(evict, closed, scene);
  const coming = evict.filter(isMadeAgain);
  const fits = coming.map((pod) => ({ pod, nodes: fitOf(pod, emptied).nodes }));
  const homeless = fits.filter(({ nodes }) => nodes.length === 0).map(({ pod }) => fullName(pod));
  if (homeless.length > 0) return `${listed(homeless)}: can run nowhere else`;
  const back = fits.filter(({ nodes }) => nodes.includes(node)).map(({ pod }) => fullName(pod));
  return back.length > 0 ? `${listed(back)}: may come back to it while it is drained` : undefined;
}

/** Why nodes cannot be drained together. */
export function workloadConflict(leaving: LeavingPods[], budgets: Budget[], scene: Scene): string | undefined {
  return (
    budgetConflict(leaving, budgets) ??
    unguardedConflict(leaving, budgets) ??
    ceph(leaving, scene) ??
    room(leaving, scene)
  );
}

/** A budget must be able to lose the pods of all of them at once, or the second drain would wait for the first one's node. */
function budgetConflict(leaving: LeavingPods[], budgets: Budget[]): string | undefined {
  for (const budget of budgets) {
    const counts = leaving.map(({ evict }) => evict.filter((pod) => isAlive(pod) && covers(budget, pod)).length);
    const all = counts.reduce((sum, count) => sum + count, 0);
    const allowed = budget.status?.disruptionsAllowed ?? 0;
    if (counts.filter((count) => count > 0).length > 1 && all > allowed)
      return `PodDisruptionBudget ${fullName(budget)} allows ${allowed} disruption(s), they have ${all} of its pods`;
  }
  return undefined;
}

/** Without a budget nothing keeps the second drain from taking a workload's last pod. */
function unguardedConflict(leaving: LeavingPods[], budgets: Budget[]): string | undefined {
  const owners = new Map<string, string>();
  for (const { node, evict } of leaving) {
    for (const pod of evict.filter((one) => isAlive(one) && !budgets.some((budget) => covers(budget, one)))) {
      const owner = ownerOf(pod);
      const other = owner === undefined ? undefined : owners.get(owner);
      if (other !== undefined && other !== node) return `both have pods of ${owner ?? ''}, which no budget guards`;
      if (owner !== undefined) owners.set(owner, node);
    }
  }
  return undefined;
}

function ownerOf(pod: SchedulablePod): string | undefined {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner && `${owner.kind} ${namespaceOf(pod)}/${owner.name}`;
}

/** A Ceph cluster stands the loss of one of its hosts. */
function ceph(leaving: LeavingPods[], scene: Scene): string | undefined {
  const keepers = leaving.filter(({ node }) =>
    scene.podsOn(node).some(({ metadata }) => CEPH.includes(metadata.labels?.['app'] ?? '')),
  );
  return keepers.length > 1
    ? `${keepers.map(({ node }) => node).join(', ')} all run parts of Ceph's storage`
    : undefined;
}

function room(leaving: LeavingPods[], scene: Scene): string | undefined {
  const names = leaving.map(({ node }) => node);
  const evict = leaving.flatMap((one) => one.evict);
  const left = withoutRoom(evict.filter(isMadeAgain), withoutPods(evict, names, scene), names);
  return left.length > 0
    ? `no room elsewhere for the pods of all of them: ${listed(left.map(fullName), 3)}`
    : undefined;
}

function withoutPods(evict: SchedulablePod[], closed: string[], scene: Scene): Scene {
  return scene.with(
    scene.pods.filter((pod) => !evict.includes(pod)),
    closed,
  );
}

function isAlive({ status }: SchedulablePod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}
