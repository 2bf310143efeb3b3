import { clusterState, type ClusterState } from '@prox-ops/operations';
import Table from 'cli-table3';
import { planCluster, type NodePlan } from '../../config/plan';
import { clusterAccess } from '../access';
import { ExitCode } from '../exit';
import { openStack } from '../project';
import { stackConfig } from '../stackFile';
import { projectFrom, type CommonOptions } from './options';

/** `prox-ops status`: each node as it is and as the stack file wants it, and who holds the rollout lease. */
export async function statusCommand(options: CommonOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const config = await stackConfig(stack);
  const state = await clusterState(await clusterAccess(stack, config), config.rollout);
  const { nodes } = planCluster(config);
  const text = options.json === true ? JSON.stringify(statusJson(nodes, state), null, 2) : statusText(nodes, state);
  process.stdout.write(`${text}\n`);
  return ExitCode.ok;
}

function statusJson(planned: NodePlan[], state: ClusterState): object {
  return { ...state, nodes: planned.map((node) => ({ wanted: node.release, ...found(node, state), name: node.name })) };
}

function found({ name }: NodePlan, state: ClusterState): ClusterState['nodes'][number] | undefined {
  return state.nodes.find((node) => node.name === name);
}

function statusText(planned: NodePlan[], state: ClusterState): string {
  const table = new Table({
    head: ['node', 'role', 'state', 'Talos', 'wanted', 'kubelet'],
    style: { head: [], border: [], compact: true },
  });
  for (const node of planned) {
    const now = found(node, state);
    table.push([node.name, node.role, nodeText(now), now?.talos ?? '', node.release.talos, now?.kubelet ?? '']);
  }
  const { faulty } = state;
  const storage =
    faulty === undefined ? [] : [`LINSTOR: ${faulty.length === 0 ? 'nothing faulty' : faulty.join('; ')}`];
  return [table.toString(), leaseText(state), ...storage].join('\n');
}

function nodeText(node: ClusterState['nodes'][number] | undefined): string {
  if (!node) return 'not registered';
  return `${node.ready ? 'Ready' : 'NotReady'}${node.schedulable ? '' : ', cordoned'}`;
}

/** Who is at a rollout, in words. */
export function leaseText({ lease }: Pick<ClusterState, 'lease'>): string {
  if (!lease || (lease.holder === '' && !lease.open)) return 'Rollout: nobody is at it.';
  const who = lease.holder === '' ? 'nobody is at it' : `held by ${lease.holder} (run ${lease.run})`;
  if (!lease.open) return `Rollout: ${who}.`;
  return `Rollout: ${who}; node ${lease.open.node} is out of the cluster, last step: ${lease.open.step}.`;
}
