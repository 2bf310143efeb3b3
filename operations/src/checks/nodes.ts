import { holds, type Node } from '../clients/kubernetesObjects.js';
import { cordonedByUs } from './cordonMark.js';
import { isJudged, verdict, type Check, type CheckContext } from './check.js';
import { etcdCheck, etcdState } from './etcd.js';

/** Conditions whose status True means trouble. */
const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];

/** The machines as Kubernetes has them. */
export const kubernetesNodesCheck: Check = {
  id: 'nodes',
  describe: 'every node is Ready, under no pressure, and not cordoned by prox-ops',
  how: 'Kubernetes: conditions of every Node',
  run: async (ctx) => {
    const { problems, good } = await nodesState(ctx);
    return verdict(problems, 'all nodes Ready', good);
  },
};

/** The machines as Kubernetes has them and, as far as they are control planes, as etcd has them. */
export const nodesCheck: Check = {
  id: 'nodes',
  describe: `${kubernetesNodesCheck.describe}; ${etcdCheck.describe}`,
  how: `${kubernetesNodesCheck.how}; ${etcdCheck.how}`,
  run: async (ctx) => {
    const [nodes, etcd] = await Promise.all([nodesState(ctx), etcdState(ctx)]);
    const expected = `all nodes Ready, ${ctx.access.controlPlanes.length} healthy etcd voters`;
    return verdict([...nodes.problems, ...etcd.problems], expected, `${nodes.good}, ${etcd.good} in etcd`);
  },
};

async function nodesState(ctx: CheckContext): Promise<{ problems: string[]; good: string }> {
  const all = (await ctx.session.kubernetes.list<Node>('/api/v1/nodes')) ?? [];
  const nodes = all.filter(({ metadata }) => isJudged(ctx, metadata.name));
  const problems = nodes.flatMap((node) => {
    const { name } = node.metadata;
    if (!holds(node, 'Ready')) return [`${name} is not Ready`];
    const pressures = PRESSURES.filter((type) => holds(node, type));
    const cordoned = cordonedByUs(node) ? ['cordoned by prox-ops'] : [];
    const why = [...pressures, ...cordoned];
    return why.length > 0 ? [`${name}: ${why.join(', ')}`] : [];
  });
  if (nodes.length === 0) problems.push('no node at all');
  return { problems, good: `${nodes.length} nodes Ready` };
}
