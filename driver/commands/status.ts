import { openNodes, type ClusterState, type Schematics } from '@prox-ops/operations';
import Table from 'cli-table3';
import type { NodePlan } from '../../config/plan';
import { ExitCode } from '../exit';
import { openStack } from '../project';
import { stackStatus } from '../stackStatus';
import type { Staleness } from '../staleness';
import { projectFrom, type CommonOptions } from './options';

/** `prox-ops status`: each node as it is and as the stack file wants it, and who holds the rollout lease. */
export async function statusCommand(options: CommonOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const { nodes, state, installed, stale } = await stackStatus(stack);
  const json = () => JSON.stringify(statusJson(nodes, state, installed, stale), null, 2);
  process.stdout.write(`${options.json === true ? json() : statusText(nodes, state, stale)}\n`);
  return ExitCode.ok;
}

function statusJson(planned: NodePlan[], state: ClusterState, installed: Schematics, stale: Staleness): object {
  const nodes = planned.map((node) => {
    const schematic = installed[node.name];
    const differs = stale[node.name] ?? [];
    return {
      wanted: node.release,
      ...found(node, state),
      name: node.name,
      schematic,
      stale: differs.length > 0,
      differs,
    };
  });
  return { ...state, nodes };
}

function found({ name }: NodePlan, state: ClusterState): ClusterState['nodes'][number] | undefined {
  return state.nodes.find((node) => node.name === name);
}

function statusText(planned: NodePlan[], state: ClusterState, stale: Staleness): string {
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
  return [table.toString(), ...staleLines(stale), leaseText(state), ...storage].join('\n');
}

/** Stale nodes by name, then what differs, once for nodes of which the same is true. */
function staleLines(stale: Staleness): string[] {
  const names = Object.keys(stale);
  if (names.length === 0) return ['Every node runs what the stack file wants.'];
  const groups = new Map<string, string[]>();
  for (const [name, differs] of Object.entries(stale)) {
    const what = differs.join('; ');
    groups.set(what, [...(groups.get(what) ?? []), name]);
  }
  const details = [...groups].map(([what, of]) => `  ${of.join(', ')}: ${what}`);
  return [`Stale: ${names.join(', ')}.`, ...details];
}

function nodeText(node: ClusterState['nodes'][number] | undefined): string {
  if (!node) return 'not registered';
  return `${node.ready ? 'Ready' : 'NotReady'}${node.schedulable ? '' : ', cordoned'}`;
}

/** Who is at a rollout, in words. */
export function leaseText({ lease }: Pick<ClusterState, 'lease'>): string {
  if (!lease || (lease.holder === '' && !lease.open)) return 'Rollout: nobody is at it.';
  const who = lease.holder === '' ? 'nobody is at it' : `held by ${lease.holder} (run ${lease.run})`;
  const out = openNodes(lease).map(({ node, step }) => `; node ${node} is out of the cluster, last step: ${step}`);
  return `Rollout: ${who}${out.join('')}.`;
}
