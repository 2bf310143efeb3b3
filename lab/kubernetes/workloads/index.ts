export { applyWorkloads, workloadManifests } from './apply.js';
export { shapeOf, type Shape, type WorkloadNode } from './cluster-shape.js';
export { workloadsSettled } from './settled.js';
export { workloadVolumes, type WorkloadVolume } from './volumes.js';
