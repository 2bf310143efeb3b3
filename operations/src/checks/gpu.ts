import type { Node } from '../clients/kubernetesObjects.js';
import { isJudged, skipped, verdict, type Check } from './check.js';

const RESOURCE = 'nvidia.com/gpu';
/** Set by NVIDIA's feature discovery, or by hand; any of them means that the machine has a GPU. */
const LABELS = ['nvidia.com/gpu.present', 'feature.node.kubernetes.io/pci-10de.present', 'nvidia.com/gpu'];

export const gpuCheck: Check = {
  id: 'gpu',
  describe: 'every node with a GPU offers it',
  how: 'Kubernetes: nvidia.com/gpu in capacity and allocatable of every Node',
  excusable: true,
  run: async (ctx) => {
    const all = (await ctx.session.kubernetes.list<Node>('/api/v1/nodes')) ?? [];
    const nodes = all.filter((node) => hasGpu(node) && isJudged(ctx, node.metadata.name));
    if (nodes.length === 0) return skipped('no node with a GPU');
    const problems = nodes.flatMap(({ metadata, status }) => {
      const offered = Number(status?.allocatable?.[RESOURCE] ?? 0);
      const built = Math.max(1, Number(status?.capacity?.[RESOURCE] ?? 0));
      const text = `${metadata.name}: ${offered} of ${built} GPUs allocatable`;
      return offered < built ? [{ key: metadata.name, text }] : [];
    });
    return verdict(problems, 'all GPUs allocatable', `${nodes.length} nodes with GPUs`);
  },
};

function hasGpu({ metadata, status }: Node): boolean {
  return Number(status?.capacity?.[RESOURCE] ?? 0) > 0 || LABELS.some((label) => metadata.labels?.[label] === 'true');
}
