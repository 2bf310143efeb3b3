import { connect, realClock, readEtcd, type ClusterAccess, type KubernetesNode } from '@prox-ops/operations';
import type { ClusterPlan } from '../../config/plan';

/** Something that the cluster still knows of a node that is no more. Told, never removed here. */
export interface Leftover {
  kind: 'Kubernetes node' | 'LINSTOR node' | 'etcd member';
  name: string;
  evidence: string;
  remedy: string;
}

export interface Leftovers {
  found: Leftover[];
  /** Sources that did not answer. */
  unknown: string[];
}

/** Members of the cluster without a node in the stack file. Reads only; never throws. */
export async function leftovers(access: ClusterAccess, plan: ClusterPlan): Promise<Leftovers> {
  const names = new Set(plan.nodes.map(({ name }) => name));
  const result: Leftovers = { found: [], unknown: [] };
  const stale = (kind: Leftover['kind'], found: string[], remedy: (name: string) => string): void => {
    for (const name of found.filter((candidate) => !names.has(candidate)))
      result.found.push({ kind, name, evidence: 'no node of that name in the stack file', remedy: remedy(name) });
  };
  const ask = async (source: string, look: () => Promise<void>): Promise<void> => {
    try {
      await look();
    } catch (error) {
      result.unknown.push(`${source}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  await Promise.all([
    ask('Kubernetes', async () => {
      const { kubernetes } = await connect(access, realClock, { patient: false });
      const nodes = await kubernetes.list<KubernetesNode>('/api/v1/nodes');
      const found = (nodes ?? []).map(({ metadata }) => metadata.name);
      stale('Kubernetes node', found, (name) => `kubectl delete node ${name}`);
    }),
    ask('LINSTOR', async () => {
      const { linstor } = await connect(access, realClock, { patient: false });
      // Names are compared as LINSTOR compares them; a controller runs on any node under a name of its own.
      const found = ((await linstor?.nodes()) ?? []).filter(({ type }) => type.toUpperCase() === 'SATELLITE');
      stale(
        'LINSTOR node',
        found.map(({ name }) => name.toLowerCase()),
        (name) => `linstor node lost ${name}`,
      );
    }),
    ask('etcd', async () => {
      const { talos } = await connect(access, realClock, { patient: false });
      const { members } = await readEtcd(talos, access.controlPlanes);
      stale(
        'etcd member',
        members.map(({ hostname }) => hostname),
        (name) => `talosctl etcd remove-member, for ${name}`,
      );
    }),
  ]);
  return result;
}
