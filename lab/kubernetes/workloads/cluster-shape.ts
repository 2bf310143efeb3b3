/** A node as far as the workloads are made for it. */
export interface WorkloadNode {
  name: string;
  role: 'controlplane' | 'worker';
  /** Cards for nvidia.com/gpu; their nodes carry the label nvidia.com/gpu.present=true. */
  gpus: number;
}

/** What the workloads' sizes hang on. */
export interface Shape {
  workers: number;
  gpuNodes: string[];
}

export function shapeOf(nodes: readonly WorkloadNode[]): Shape {
  const workers = nodes.filter((node) => node.role === 'worker');
  return { workers: workers.length, gpuNodes: workers.filter((node) => node.gpus > 0).map((node) => node.name) };
}

/** At most one replica a worker, for workloads that spread. */
export function spread(shape: Shape, wanted: number): number {
  return Math.max(1, Math.min(wanted, shape.workers));
}
