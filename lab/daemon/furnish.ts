import type { V1Node } from '@kubernetes/client-node';
import { Connection } from '../kubernetes/connection.js';
import {
  applyWorkloads,
  shapeOf,
  type WorkloadNode,
  workloadsSettled,
  workloadVolumes,
} from '../kubernetes/workloads/index.js';
import { type LinstorController, seedResources } from '../linstor/index.js';
import type { EventLog } from '../world/events.js';
import type { Machine } from '../world/world.js';

/** The disk that every VM has; the ones after it belong to LINSTOR. */
const SYSTEM_DISK = 'scsi0';
const GIB = 2 ** 30;

export interface Premises {
  /** Names of the nodes that make the cluster complete. */
  nodes: readonly string[];
  machine: (node: string) => Machine | undefined;
  linstor: LinstorController;
  events: EventLog;
  /** Where the cluster's ingress answers. */
  outside: { address: string; port: number };
}

/**
 * Waits until the cluster is complete for the first time (every node Ready, every satellite online), then puts into it
 * what a cluster in service has: replicated volumes and the workloads on them. Returns the machines once all of it runs.
 * @param kubeconfig of a lab user, which no fault concerns.
 * @throws AbortError when `signal` is aborted first.
 */
export async function furnish(kubeconfig: string, premises: Premises, signal: AbortSignal): Promise<Machine[]> {
  await allReady(kubeconfig, premises.nodes, signal);
  const machines = premises.nodes.flatMap((node) => premises.machine(node) ?? []);
  await satellitesOnline(premises, machines, signal);
  const nodes = machines.map(workloadNode);
  const volumes = workloadVolumes(shapeOf(nodes));
  seedResources(
    premises.linstor,
    volumes.map(({ name, bytes }) => ({ name, sizeGib: bytes / GIB, placeCount: 2 as const })),
  );
  await applyWorkloads(kubeconfig, nodes, premises.outside);
  await workloadsSettled(kubeconfig, signal);
  return machines;
}

function workloadNode({ node, role, hardware }: Machine): WorkloadNode {
  return { name: node, role, gpus: hardware.pci.length };
}

async function allReady(kubeconfig: string, names: readonly string[], signal: AbortSignal): Promise<void> {
  const connection = new Connection(kubeconfig);
  const missing = new Set(names);
  try {
    await until(signal, async (done) => {
      const changed = (node: V1Node): void => {
        const ready = node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        if (ready) missing.delete(node.metadata?.name ?? '');
        else if (names.includes(node.metadata?.name ?? '')) missing.add(node.metadata?.name ?? '');
        if (missing.size === 0) done();
      };
      await connection.follow<V1Node>('/api/v1/nodes', { changed });
    });
  } finally {
    connection.close();
  }
}

/** Nodes with a data disk run a satellite. */
async function satellitesOnline({ events }: Premises, machines: Machine[], signal: AbortSignal): Promise<void> {
  const holders = machines.filter(({ hardware }) => hardware.disks.some(({ slot }) => slot !== SYSTEM_DISK));
  const missing = new Set(holders.map(({ node }) => node));
  const apply = (node: string, status: string): void => {
    if (status === 'ONLINE') missing.delete(node);
    else if (holders.some((holder) => holder.node === node)) missing.add(node);
  };
  for (const event of events.all()) if (event.type === 'linstor.node') apply(event.node, event.status);
  if (missing.size === 0) return;
  let stop = (): void => undefined;
  try {
    await until(signal, (done) => {
      stop = events.on('linstor.node', (event) => {
        apply(event.node, event.status);
        if (missing.size === 0) done();
      });
    });
  } finally {
    stop();
  }
}

/** Resolves when `begin` says that it is done. */
function until(signal: AbortSignal, begin: (done: () => void) => void | Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(begin(resolve)).catch(reject);
  });
}
