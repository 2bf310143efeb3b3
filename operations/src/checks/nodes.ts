import { holds, type Node } from '../clients/kubernetesObjects.js';
import { cordonedByUs } from './cordonMark.js';
import { isJudged, verdict, type Check } from './check.js';

/** Conditions whose status True means trouble. */
const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];

export const nodesCheck: Check = {
  id: 'nodes',
  describe: 'every node is Ready, under no pressure, and not cordoned by prox-ops',
  how: 'Kubernetes: conditions of every Node',
  run: async (ctx) => {
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
    return verdict(problems, 'all nodes Ready', `${nodes.length} nodes Ready`);
  },
};
