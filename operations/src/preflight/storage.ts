import { gib, placementProblems, type LinstorView } from '../checks/linstorPlacement.js';
import { faults, guardedReplicas, hasFlag, isDiskful, nodeFaults, sameName, sizeOf } from '../checks/linstorRules.js';
import type { Settings } from '../contract.js';
import { blocker, listed, warning, type Finding } from './finding.js';
import { standsInTheWay } from './nodes.js';
import type { TurnRequest } from './request.js';

/** Replicas that an evacuation of one node moves. */
export interface Replicas {
  count: number;
  bytes: number;
}

export function replicasOf(turn: TurnRequest, view: LinstorView, { linstorStoragePool: pool }: Settings): Replicas {
  const replicas = guardedReplicas(view.resources, turn.name, pool);
  return { count: replicas.length, bytes: replicas.reduce((sum, replica) => sum + sizeOf(replica), 0) };
}

/** What LINSTOR's guard will stop at, and what it costs where it doesn't. */
export function storageFindings(view: LinstorView, turns: TurnRequest[], settings: Settings): Finding[] {
  const leaving = turns.filter(({ action }) => action !== 'add' && action !== 'kubernetes');
  return [
    ...faulty(view),
    ...satellites(view, turns),
    ...leaving.flatMap((turn) => [
      ...ownFlags(view, turn),
      ...placement(view, turn, settings),
      ...onlyCopies(view, turn, settings),
    ]),
  ];
}

function faulty(view: LinstorView): Finding[] {
  const found = faults(view.resources);
  if (found.length === 0) return [];
  return [
    blocker({
      topic: 'storage',
      object: `${found.length} LINSTOR resource(s)`,
      expected: 'nothing faulty before a node leaves',
      found: listed(found, 8),
      remedy: 'linstor resource list --faulty; wait for a synchronisation to end, or repair it',
    }),
  ];
}

function satellites(view: LinstorView, turns: TurnRequest[]): Finding[] {
  return view.nodes
    .filter(({ name }) => standsInTheWay(name, turns))
    .flatMap((node) => nodeFaults([node], ''))
    .map((found) =>
      blocker({
        topic: 'storage',
        object: 'LINSTOR',
        expected: 'every other satellite ONLINE and without flags',
        found,
        remedy: 'linstor node list; bring the satellite back, or linstor node restore',
      }),
    );
}

/** A flag that this rollout did not set makes its evacuation stop. */
function ownFlags(view: LinstorView, turn: TurnRequest): Finding[] {
  const node = view.nodes.find(({ name }) => sameName(name, turn.name));
  if (!node || !hasFlag(node, 'EVACUATE', 'EVICTED', 'DELETE')) return [];
  return [
    blocker({
      topic: 'storage',
      node: turn.name,
      object: `LINSTOR node ${node.name}`,
      expected: 'no flags, or those that this rollout set itself',
      found: `flags ${(node.flags ?? []).join(', ')}`,
      remedy: `find out who set them; linstor node restore ${node.name} takes them back`,
    }),
  ];
}

function placement(view: LinstorView, turn: TurnRequest, { linstorStoragePool: pool }: Settings): Finding[] {
  return placementProblems(view, turn.name, pool).map((problem) => {
    const [resource = '', ...why] = problem.split(': ');
    return blocker({
      topic: 'storage',
      node: turn.name,
      object: `LINSTOR resource ${resource}`,
      expected: `another node with room in ${pool} for its replica`,
      found: why.join(': '),
      remedy: 'make room in the pool, add a node, or change the resource group',
    });
  });
}

function onlyCopies(view: LinstorView, turn: TurnRequest, { linstorStoragePool: pool }: Settings): Finding[] {
  return guardedReplicas(view.resources, turn.name, pool)
    .filter(({ name }) => view.resources.filter((other) => sameName(other.name, name) && isDiskful(other)).length === 1)
    .map((replica) =>
      warning({
        topic: 'storage',
        node: turn.name,
        object: `LINSTOR resource ${replica.name}`,
        expected: 'more than one replica',
        found: `its only copy is here (${gib(sizeOf(replica))})`,
        remedy: 'it is copied to another node before the VM goes; a backup does no harm',
      }),
    );
}
