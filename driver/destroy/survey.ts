import { connect, keepSnapshot, realClock, type ClusterAccess, type Session } from '@prox-ops/operations';
import type { NodePlan } from '../../config/plan';

/** What one source says of the cluster, or that it does not answer. */
export interface Sight {
  source: string;
  /** Absent: it was not to be had, and `found` says why. */
  seen: boolean;
  found: string;
}

/** Milliseconds after which a source counts as silent: a tear-down must never hang on a part that is already dead. */
const PATIENCE = 20_000;

/** What goes with the machines, as far as Kubernetes and LINSTOR still answer. Changes nothing, never throws. */
export async function survey(access: ClusterAccess): Promise<Sight[]> {
  const session = () => connect(access, realClock, { patient: false });
  const sights: Promise<Sight>[] = [
    sight('Kubernetes', async () => volumesText(await session())),
    ...(access.linstor ? [sight('LINSTOR', async () => replicasText(await session()))] : []),
  ];
  return Promise.all(sights);
}

/** The last snapshot of etcd, from the first control plane that gives one. Never throws. */
export async function lastSnapshot(
  access: ClusterAccess,
  controlPlanes: NodePlan[],
  directory: string,
): Promise<Sight> {
  const troubles: string[] = [];
  const { talos } = await connect(access, realClock, { patient: false });
  for (const { name, address } of controlPlanes) {
    const names = { cluster: access.clusterName, node: name, at: Date.now() };
    const taken = await sight('etcd', async () => {
      // A machine that accepts connections and says nothing is found out before the snapshot's own long deadline.
      await talos.version(address);
      return `snapshot verified: ${await keepSnapshot(talos, address, directory, names)}`;
    });
    if (taken.seen) return taken;
    troubles.push(`${name}: ${taken.found}`);
  }
  return { source: 'etcd', seen: false, found: troubles.join('; ') };
}

async function sight(source: string, look: () => Promise<string>): Promise<Sight> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${PATIENCE / 1000} s`));
    }, PATIENCE);
  });
  try {
    return { source, seen: true, found: await Promise.race([look(), late]) };
  } catch (error) {
    return { source, seen: false, found: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

async function volumesText({ kubernetes }: Session): Promise<string> {
  const [claims, pods] = await Promise.all([
    kubernetes.list('/api/v1/persistentvolumeclaims'),
    kubernetes.list('/api/v1/pods'),
  ]);
  return `${pods?.length ?? 0} pods and ${claims?.length ?? 0} volume claims go`;
}

async function replicasText({ linstor }: Session): Promise<string> {
  const resources = (await linstor?.resources()) ?? [];
  const names = new Set(resources.map(({ name }) => name));
  return `${names.size} volumes in ${resources.length} replicas go with the disks that they are on`;
}
