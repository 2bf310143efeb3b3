import { connect } from './clients/session.js';
import type { Pod } from './clients/kubernetesObjects.js';
import type { ClusterAccess } from './contract.js';
import { realClock } from './runtime/clock.js';

interface Containers {
  containers?: { image?: string }[];
  initContainers?: { image?: string }[];
}

/** Every image that a pod of the cluster names, each once, sorted. @throws when the Kubernetes API does not answer. */
export async function runningImages(access: ClusterAccess): Promise<string[]> {
  const { kubernetes } = await connect(access, realClock);
  const pods = await kubernetes.list<Pod>('/api/v1/pods');
  return [...new Set((pods ?? []).flatMap(({ spec }) => imagesOf((spec ?? {}) as Containers)))].sort();
}

function imagesOf({ containers = [], initContainers = [] }: Containers): string[] {
  return [...containers, ...initContainers].flatMap(({ image }) => image ?? []);
}
