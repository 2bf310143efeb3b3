import Table from 'cli-table3';
import { counted } from '../../config/problem';
import type { Machine } from './machines';
import type { Sight } from './survey';

export interface DestroyPlan {
  cluster: string;
  machines: Machine[];
  /** Resources that the engine deletes. */
  goes: number;
  /** Resources that stay, with the reason. */
  stays: { urn: string; why: string }[];
  sights: Sight[];
  /** Whether the Talos secrets go as well. */
  secretsGo: boolean;
}

const SAYS: Record<Machine['found'], string> = {
  ours: 'goes',
  gone: 'gone already',
  foreign: 'NOT OURS',
  moved: 'skipped',
  unknown: 'skipped',
};

/** What a tear-down would do, for people. */
export function planText(plan: DestroyPlan): string {
  const { machines, sights } = plan;
  const table = new Table({
    head: ['', 'VM', 'name', 'host', 'known by'],
    style: { head: [], border: [], compact: true },
  });
  for (const { found, vmId, name, host, template, evidence } of machines)
    table.push([SAYS[found], vmId, template ? `${name} (template)` : name, host, evidence]);
  const sources = sights.map(({ source, seen, found }) =>
    seen ? `${source}: ${found}` : `${source}: skipped: ${found}`,
  );
  return [
    `Destroy cluster ${plan.cluster}: ${counted(plan.goes, 'resource')} of the stack.`,
    ...(machines.length > 0 ? [table.toString()] : []),
    'Goes: the VMs above with every disk of theirs, LINSTOR replicas on them included; templates and images.',
    ...sources,
    plan.secretsGo
      ? 'GOES AS WELL: the Talos secrets. No kubeconfig, no talosconfig and no etcd snapshot of this cluster is of use any more.'
      : 'Stays: the Talos secrets in the state and as a copy, the kubeconfig and talosconfig made from them.',
    'Stays: the stack and its history, etcd snapshots, what is on shared storage and in backups outside of these VMs.',
  ].join('\n');
}
