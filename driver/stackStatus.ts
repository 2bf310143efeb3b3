import { clusterState, installedSchematics, type ClusterState, type Schematics } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster, type NodePlan } from '../config/plan';
import { clusterAccess } from './access';
import { stackConfig } from './stackFile';
import { stalenessOf, wantedSchematics, type Staleness } from './staleness';
import { readState } from './state';

/** A stack's nodes as they are planned and as they are found. */
export interface StackStatus {
  nodes: NodePlan[];
  state: ClusterState;
  installed: Schematics;
  stale: Staleness;
}

/** Asks the cluster and its machines; changes nothing. */
export async function stackStatus(stack: Stack): Promise<StackStatus> {
  const config = await stackConfig(stack);
  const { nodes } = planCluster(config);
  const access = await clusterAccess(stack, config);
  const addresses = Object.fromEntries(nodes.map(({ name, address }) => [name, address]));
  const [state, installed, resources] = await Promise.all([
    clusterState(access, config.rollout),
    installedSchematics(access, addresses),
    readState(stack),
  ]);
  return { nodes, state, installed, stale: stalenessOf(nodes, state, installed, wantedSchematics(resources)) };
}
