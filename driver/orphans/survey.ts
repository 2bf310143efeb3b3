import { ProxmoxClient, type ClusterAccess } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import type { StackConfig } from '../../config/schema';
import { clusterAccess, proxmoxToken } from '../access';
import { CommandError } from '../exit';
import { nodesOfRuns } from '../history';
import { gatherCluster, type ClusterEvidence } from './clusterEvidence';
import { judgeNames, lookUp } from './dns';
import { gather, type Evidence } from './evidence';
import { judge } from './judge';
import { judgeMembers } from './judgeMembers';
import { byKind, type Leftover, type Machine } from './leftover';
import { ownOf, type Own } from './own';

/** Everything that was found, by one look at every source. */
export interface Survey {
  leftovers: Leftover[];
  /** Sources that did not answer. */
  unknown: string[];
}

/** What to look at. */
export interface Surveyed {
  stack: Stack;
  config: StackConfig;
  /** Of the project: its event logs tell which nodes there were. */
  directory: string;
}

/**
 * Looks everywhere. Reads only.
 * @param names whether DNS servers are asked as well: nothing that can be deleted rests on them.
 * @throws CommandError when the stack itself cannot be read.
 */
export async function survey({ stack, config, directory }: Surveyed, { names = true } = {}): Promise<Survey> {
  const own = await ownOf(stack, config);
  const proxmox = await gather(new ProxmoxClient(config.proxmox.endpoint, await proxmoxToken(stack)));
  const cluster = await clusterOf(stack, config);
  const history = await nodesOfRuns(directory, stack.name);
  const members = judgeMembers({ proxmox, cluster, own, history });
  const gone = goneMachines(members, proxmox, own, history);
  const lookups = await lookUp(gone, names ? config.cluster.nameservers : []);
  const leftovers = [...judge(proxmox, own), ...members, ...judgeNames(gone, cluster, lookups)].sort(byKind);
  return { leftovers, unknown: [...new Set([...proxmox.unknown, ...cluster.unknown, ...lookups.unknown])] };
}

/** A cluster that was never finished, or is down, has nothing to tell: its members are unknown, not stale. */
async function clusterOf(stack: Stack, config: StackConfig): Promise<ClusterEvidence> {
  let access: ClusterAccess;
  try {
    access = await clusterAccess(stack, config);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { answering: new Map(), dnsEndpoints: [], endpointSlices: [], unknown: [error.message] };
  }
  return gatherCluster(access);
}

/** Nodes that this stack had, and whose machine is on no host: what still leads to them leads nowhere. */
function goneMachines(members: Leftover[], proxmox: Evidence, own: Own, history: Map<string, string>): Machine[] {
  if (proxmox.unknown.length > 0) return [];
  const there = new Set([...own.nodes, ...own.nodesInState, ...proxmox.machines.map(({ name }) => name)]);
  const machines = members
    .filter(({ verdict }) => verdict === 'orphan' || verdict === 'stale')
    .map(({ name, where, target }) => (target?.kind === 'node' ? target.machine : { name, uuid: '', address: where }));
  const known = [...machines, ...[...history.keys()].map((name) => ({ name, uuid: '', address: '' }))];
  const byName = new Map<string, Machine>();
  for (const machine of known.filter(({ name }) => !there.has(name))) {
    const before = byName.get(machine.name);
    if (!before || before.address === '') byName.set(machine.name, machine);
  }
  return [...byName.values()];
}
