import { placementTogether } from '../checks/linstorPlacement.js';
import { guardedReplicas, hasFlag, isDiskful, sameName } from '../checks/linstorRules.js';
import type { LinstorResource } from '../clients/linstorTypes.js';
import type { Settings } from '../contract.js';
import { listed } from './finding.js';
import type { PreflightRequest } from './request.js';
import type { Snapshot } from './snapshot.js';

/** Why a node goes alone, for the sake of what LINSTOR has on it. */
export function storageAlone(node: string, { linstor }: Snapshot, request: PreflightRequest): string | undefined {
  if (!linstor)
    return request.linstorController && 'the LINSTOR guard is switched off: which replicas it holds is not known';
  if ('trouble' in linstor) return `LINSTOR does not answer (${linstor.trouble})`;
  const { nodes, resources } = linstor.value;
  const satellite = nodes.find(({ name }) => sameName(name, node));
  if (satellite && (satellite.connection_status !== 'ONLINE' || hasFlag(satellite, 'EVACUATE', 'EVICTED', 'DELETE')))
    return `its satellite is not at rest`;
  const staying = unguarded(node, resources, request.settings);
  return staying.length > 0 ? `it has volumes that LINSTOR does not move: ${listed(staying)}` : undefined;
}

/** They go down with the machine, and LINSTOR would call them faulty just when its mates' VMs are to go. */
function unguarded(node: string, resources: LinstorResource[], settings: Settings): string[] {
  const guarded = guardedReplicas(resources, node, settings.linstorStoragePool);
  return diskfulOn(node, resources)
    .filter((replica) => !guarded.includes(replica))
    .map(({ name }) => name);
}

/** Why nodes cannot go together: replicas of one resource, or no room for all of theirs on the other nodes. */
export function storageConflict(
  names: readonly string[],
  { linstor }: Snapshot,
  { linstorStoragePool: pool }: Settings,
): string | undefined {
  if (!linstor || 'trouble' in linstor) return undefined;
  const view = linstor.value;
  const shared = sharedResource(names, view.resources);
  if (shared !== undefined) return shared;
  const problems = placementTogether(view, names, pool);
  return problems.length > 0 ? `no room for the replicas of all of them: ${listed(problems, 3)}` : undefined;
}

function sharedResource(names: readonly string[], resources: LinstorResource[]): string | undefined {
  const holders = new Map<string, string>();
  for (const node of names) {
    for (const { name } of diskfulOn(node, resources)) {
      const key = name.toLowerCase();
      const other = holders.get(key);
      if (other !== undefined) return `${other} and ${node} both hold a replica of ${name}`;
      holders.set(key, node);
    }
  }
  return undefined;
}

function diskfulOn(node: string, resources: LinstorResource[]): LinstorResource[] {
  return resources.filter((resource) => sameName(resource.node_name, node) && isDiskful(resource));
}
