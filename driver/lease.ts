import { clusterState, type TurnRecord } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { clusterAccess } from './access';
import { stackConfig } from './stackFile';

/** The cluster's rollout lease; undefined before the first rollout. @throws when the cluster does not answer. */
export async function rolloutLease(stack: Stack): Promise<TurnRecord | undefined> {
  const config = await stackConfig(stack);
  return (await clusterState(await clusterAccess(stack, config), config.rollout)).lease;
}

/** The same; a cluster that does not answer stops the step that needs it, with a better message than one from here. */
export function leaseIfAny(stack: Stack): Promise<TurnRecord | undefined> {
  return rolloutLease(stack).catch(() => undefined);
}

/** Whether another run has the cluster's lease. A cluster that does not answer proves nothing. */
export async function heldByAnother({ stack, runId }: { stack: Stack; runId: string }): Promise<boolean> {
  try {
    const lease = await rolloutLease(stack);
    return lease !== undefined && lease.holder !== '' && lease.run !== runId;
  } catch {
    return false;
  }
}
