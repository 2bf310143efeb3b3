export { KubernetesCluster, LAB_USERS, type KubernetesDependencies } from './cluster.js';
export { PROGRAMS, type Binaries, type Program } from './control-plane.js';
