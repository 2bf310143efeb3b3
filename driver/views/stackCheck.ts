import Table from 'cli-table3';
import { planCluster, type ClusterPlan } from '../../config/plan';
import { counted } from '../../config/problem';
import type { StackConfig } from '../../config/schema';

/** What a host carries, sizes in MiB and cores as Proxmox counts them. */
export interface HostLoad {
  host: string;
  nodes: string[];
  templates: number[];
  cores: { used: number; there: number };
  memory: { used: number; there: number };
}

/** The plan in short: each host with its nodes, templates and sizes. */
export function hostLoads(config: StackConfig, plan: ClusterPlan): HostLoad[] {
  return config.proxmox.hosts.map((host) => {
    const nodes = plan.nodes.filter((node) => node.host === host.name);
    const sum = (valueOf: (node: (typeof nodes)[number]) => number) =>
      nodes.reduce((total, node) => total + valueOf(node), 0);
    return {
      host: host.name,
      nodes: nodes.map(({ name }) => name),
      templates: plan.templates.filter((template) => template.host === host.name).map(({ vmId }) => vmId),
      cores: { used: sum(({ hardware }) => hardware.cores * hardware.sockets), there: host.cores },
      memory: { used: sum(({ hardware }) => hardware.memory), there: host.memory },
    };
  });
}

export function stackText(config: StackConfig): string {
  const plan = planCluster(config);
  const release = config.releases[config.releases.active];
  const workers = plan.nodes.length - plan.controlPlanes.length;
  const title =
    `${config.cluster.name}: ${counted(plan.controlPlanes.length, 'control plane')}, ${counted(workers, 'worker')}, ` +
    `Talos ${release?.talos}, Kubernetes ${release?.kubernetes} (slot ${config.releases.active})`;
  const table = new Table({
    head: ['host', 'nodes', 'cores', 'memory (GiB)', 'templates'],
    style: { head: [], border: [], compact: true },
    colWidths: [null, 48],
    wordWrap: true,
  });
  for (const { host, nodes, cores, memory, templates } of hostLoads(config, plan)) {
    const size = `${gibibytes(memory.used)} of ${gibibytes(memory.there)}`;
    table.push([host, nodes.join(', '), `${cores.used} of ${cores.there}`, size, templates.join(', ')]);
  }
  return `${title}\n${table.toString()}`;
}

function gibibytes(mebibytes: number): string {
  return String(Math.round((mebibytes / 1024) * 10) / 10);
}
