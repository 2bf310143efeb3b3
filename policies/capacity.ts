import type { PolicyConfigSchema, StackValidationArgs } from '@pulumi/policy';
import type { HostConfig } from '../config/schema';
import { stackPolicy } from './support/define';
import { stackFacts } from './support/facts';
import { nodeVms, type Vm } from './support/nodes';
import type { Unknowns } from './support/unknowns';

interface Load {
  host: HostConfig;
  /** What is known to be used; at a preview possibly not all. */
  used: number;
  names: string[];
}

/** What the VMs of each host use of something. */
function loads(stack: StackValidationArgs, unknowns: Unknowns, amount: (vm: Vm) => number): Load[] {
  const hosts = stackFacts()?.proxmox.hosts ?? [];
  const table = new Map(hosts.map((host) => [host.name, { host, used: 0, names: [] as string[] }]));
  unknowns.each(nodeVms(stack), (vm) => {
    const load = table.get(vm.props.nodeName ?? '');
    if (!load) return;
    load.used += amount(vm);
    load.names.push(vm.name);
  });
  return [...table.values()];
}

const memoryOf = ({ props }: Vm) => props.memory?.dedicated ?? 0;
const threadsOf = ({ props }: Vm) => (props.cpu?.cores ?? 1) * (props.cpu?.sockets ?? 1);

const memoryConfig: PolicyConfigSchema = {
  properties: {
    /** Memory that each host keeps for itself (Ceph, ZFS, the hypervisor), MiB. */
    reserve: { type: 'integer', default: 8192, minimum: 0 },
  },
};

export const hostMemory = stackPolicy(
  {
    name: 'host-memory',
    description: 'On a host with more memory promised than it has, the kernel kills VMs: the whole node at once.',
    config: memoryConfig,
  },
  ({ stack, unknowns, report }) => {
    const { reserve = 8192 } = stack.getConfig<{ reserve?: number }>();
    for (const { host, used, names } of loads(stack, unknowns, memoryOf)) {
      const room = host.memory - reserve;
      if (used <= room) continue;
      report(
        `${host.name}: expected VMs of at most ${room} MiB (${host.memory} less ${reserve} for the host), found ${used} ` +
          `MiB in ${names.join(', ')}. Move a node to another host, or change roles.*.memory.`,
      );
    }
  },
);

export const hostCpu = stackPolicy(
  {
    name: 'host-cpu',
    description: 'When too many virtual cores wait for one real one, etcd misses its heartbeats.',
    config: {
      properties: {
        /** Virtual cores for each CPU thread of the host. */
        ratio: { type: 'number', default: 2, minimum: 0.1 },
      },
    },
  },
  ({ stack, unknowns, report }) => {
    const { ratio = 2 } = stack.getConfig<{ ratio?: number }>();
    for (const { host, used, names } of loads(stack, unknowns, threadsOf)) {
      const room = Math.floor(host.cores * ratio);
      if (used <= room) continue;
      report(
        `${host.name}: expected at most ${room} virtual cores (${ratio} for each of ${host.cores} threads), found ${used} ` +
          `in ${names.join(', ')}. Move a node to another host, or change roles.*.cores.`,
      );
    }
  },
);

export const hostLoss = stackPolicy(
  {
    name: 'host-loss',
    description: 'What does not fit on the other hosts stays down as long as its own host does.',
    level: 'advisory',
    config: memoryConfig,
  },
  ({ stack, unknowns, report }) => {
    const { reserve = 8192 } = stack.getConfig<{ reserve?: number }>();
    const all = loads(stack, unknowns, memoryOf);
    for (const { host, used } of all) {
      const others = all.filter((load) => load.host !== host);
      const free = others.reduce((sum, load) => sum + Math.max(0, load.host.memory - reserve - load.used), 0);
      if (used <= free) continue;
      report(
        `${host.name}: if it fails, expected room for its ${used} MiB of VMs on the other hosts, found ${free} MiB. Move ` +
          `nodes, change roles.*.memory, or accept that they stay down until it is back.`,
      );
    }
  },
);
