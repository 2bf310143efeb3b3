import type { StackConfig } from '../config/schema';

/** Set by NVIDIA's feature discovery, or in the stack file. */
const GPU_LABEL = 'nvidia.com/gpu.present';

interface Toleration {
  key: string;
  operator: 'Exists';
  effect: string;
}

interface Scheduling {
  scheduling?: { nodeSelector?: Record<string, string>; tolerations?: Toleration[] };
}

/**
 * Pods of the class go to GPU nodes, where every one of these is known to have the label, and tolerate the taints that
 * the stack file gives them. A selector that one of them lacks would keep its own pods away from it.
 */
export function runtimeClassScheduling({ nodes }: Pick<StackConfig, 'nodes'>): Scheduling {
  const withGpu = Object.values(nodes).filter(({ variant }) => variant === 'gpu');
  const labelled = withGpu.length > 0 && withGpu.every(({ labels }) => labels[GPU_LABEL] === 'true');
  const tolerations = unique(withGpu.flatMap(({ taints }) => Object.entries(taints).map(toleration)));
  const scheduling = {
    ...(labelled && { nodeSelector: { [GPU_LABEL]: 'true' } }),
    ...(tolerations.length > 0 && { tolerations }),
  };
  return Object.keys(scheduling).length > 0 ? { scheduling } : {};
}

/** A taint of the stack file is `KEY: VALUE:EFFECT`, as Talos has it. */
function toleration([key, taint]: [string, string]): Toleration {
  return { key, operator: 'Exists', effect: taint.slice(taint.lastIndexOf(':') + 1) };
}

function unique(tolerations: Toleration[]): Toleration[] {
  const byText = new Map(tolerations.map((one) => [`${one.key} ${one.effect}`, one]));
  return [...byText.keys()].sort().flatMap((text) => byText.get(text) ?? []);
}
