import type { ServiceTable } from './services.js';

export type Stage = 'booting' | 'maintenance' | 'running' | 'rebooting' | 'shutting down' | 'resetting' | 'upgrading';

/** What MachineStatus says. */
export interface MachineStatus {
  stage: Stage;
  ready: boolean;
  unmet: { name: string; reason: string }[];
}

/** What readiness depends on beside the services. */
export interface Readiness {
  role: 'controlplane' | 'worker';
  node: string;
  /** As the Kubernetes API says. */
  nodeReady: boolean;
  nodeKnown: boolean;
}

const REQUIRED = ['apid', 'kubelet', 'machined'];
const REQUIRED_ON_CONTROL_PLANES = ['etcd', 'trustd'];

/** Talos' own readiness checks, with its own words. Only a booting or running machine has any. */
export function machineStatus(stage: Stage, services: ServiceTable, readiness: Readiness | undefined): MachineStatus {
  if (!readiness || (stage !== 'booting' && stage !== 'running')) return { stage, ready: true, unmet: [] };
  const unmet = [
    { name: 'services', reason: serviceProblems(services, readiness.role) },
    { name: 'nodeReady', reason: nodeProblem(readiness) },
  ].filter(({ reason }) => reason !== '');
  return { stage, ready: unmet.length === 0, unmet };
}

function serviceProblems(services: ServiceTable, role: Readiness['role']): string {
  const required = role === 'controlplane' ? [...REQUIRED, ...REQUIRED_ON_CONTROL_PLANES] : REQUIRED;
  const missing = required.filter((id) => !services.get(id)).map((id) => `${id} not running`);
  const problems = services.list().flatMap(({ id, state, healthy }) => {
    if (state !== 'Running') return [`${id} not running`];
    return healthy === false ? [`${id} not healthy`] : [];
  });
  return [...problems, ...missing].join(', ');
}

function nodeProblem({ node, nodeReady, nodeKnown }: Readiness): string {
  if (nodeReady) return '';
  return nodeKnown ? `node "${node}" is not ready` : `node "${node}" status is not available yet`;
}
