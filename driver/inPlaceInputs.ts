import {
  runningRelease,
  stepSettings,
  Stop,
  TalosError,
  type BracketInputs,
  type ClusterAccess,
  type NodeTarget,
  type ReleaseTarget,
} from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { resolve } from 'node:path';
import { planCluster, targetOf, type NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { clusterAccess } from './access';
import { CommandError, ExitCode } from './exit';
import { stackConfig } from './stackFile';

/** A node that is about to be changed in place, and what its machine runs now. */
export interface StandingNode {
  config: StackConfig;
  planned: NodePlan;
  inputs: BracketInputs;
}

/**
 * Reads what the steps have to know of a node: they run in our own process, and so have no state to be told by.
 * @throws CommandError for an unknown node, or a machine that does not tell what it runs.
 */
export async function standingNode(stack: Stack, name: string): Promise<StandingNode> {
  const config = await stackConfig(stack);
  const { nodes } = planCluster(config);
  const planned = nodes.find((node) => node.name === name);
  if (!planned)
    throw new CommandError(
      `Expected a node of the stack (${nodes.map((node) => node.name).join(', ')}), found ${name}.`,
    );
  const access = await clusterAccess(stack, config);
  const node = targetOf(planned);
  const snapshotDirectory = resolve(stack.workspace.workDir, config.rollout.snapshotDirectory);
  const settings = { ...stepSettings(config), snapshotDirectory };
  return { config, planned, inputs: { node, access, settings, release: await releaseOf(access, node), vm: '' } };
}

async function releaseOf(access: ClusterAccess, node: NodeTarget): Promise<ReleaseTarget> {
  try {
    return await runningRelease(access, node);
  } catch (error) {
    if (!(error instanceof Stop || error instanceof TalosError)) throw error;
    throw new CommandError(`${node.name}: cannot be changed in place. ${error.message}`, ExitCode.blocked);
  }
}
