import { hardwareOf } from '../plan';
import { Problem } from '../problem';
import type { HostConfig, NodeConfig, StackConfig } from '../schema';
import { claimedTwice, nodesOf, rule, type Rule } from './rule';

type Placed = [name: string, node: NodeConfig, host: HostConfig];

/** What Proxmox hosts have, against what their nodes need. */
export const HOST_RULES: Rule[] = [
  rule(['proxmox'], ({ proxmox: { hosts } }) => {
    const claims = hosts.map(({ name }, index) => ({
      at: ['proxmox', 'hosts', index, 'name'],
      value: name,
      owner: `host ${index + 1}`,
    }));
    return claimedTwice('a name', claims);
  }),

  rule(['proxmox', 'nodes'], (config) => {
    const names = config.proxmox.hosts.map(({ name }) => name);
    return nodesOf(config)
      .filter(([, { host }]) => !names.includes(host))
      .map(([name, { host }]) => new Problem(['nodes', name, 'host'], `one of ${names.join(', ')}`, host));
  }),

  rule(['proxmox', 'nodes'], (config) => [
    ...missing(config, 'bridges', 'bridge', () => true),
    ...missing(config, 'bridges', 'trunkBridge', (node) => node.trunk !== undefined || hasNetworks(node)),
  ]),

  rule(['proxmox', 'roles', 'nodes'], (config) => [
    ...missing(config, 'storages', 'storage', () => true),
    ...missing(config, 'storages', 'imageStorage', () => true),
    ...missing(config, 'storages', 'dataStorage', (node) => hardwareOf(config, node).dataDisk !== undefined),
  ]),

  // Proxmox refuses to start such a VM.
  rule(['proxmox', 'roles', 'nodes'], (config) =>
    placed(config).flatMap(([name, node, host]) => {
      const { cores, sockets } = hardwareOf(config, node);
      if (cores * sockets <= host.cores) return [];
      const expected = `at most the ${host.cores} cores of ${host.name}`;
      return [new Problem(['nodes', name, 'hardware', 'cores'], expected, String(cores * sockets))];
    }),
  ),

  rule(['proxmox', 'roles', 'nodes'], (config) =>
    config.proxmox.hosts.flatMap((host, index) => memoryOf(config, host, index)),
  ),

  rule(['nodes'], (config) => {
    const claims = nodesOf(config).flatMap(([name, node]) =>
      node.pci.map((mapping, index) => ({ at: ['nodes', name, 'pci', index], value: mapping, owner: name })),
    );
    return claimedTwice('a PCI mapping', claims);
  }),

  rule(['proxmox', 'nodes'], (config) =>
    placed(config).flatMap(([name, node, host]) =>
      node.pci.flatMap((mapping, index) => {
        if (host.pci.includes(mapping)) return [];
        const expected = `a PCI mapping of ${host.name} (${host.pci.join(', ') || 'it has none'})`;
        return [new Problem(['nodes', name, 'pci', index], expected, mapping)];
      }),
    ),
  ),
];

/** Nodes on hosts that exist. */
function placed(config: Pick<StackConfig, 'proxmox' | 'nodes'>): Placed[] {
  return nodesOf(config).flatMap(([name, node]): Placed[] => {
    const host = config.proxmox.hosts.find((candidate) => candidate.name === node.host);
    return host ? [[name, node, host]] : [];
  });
}

function hasNetworks(node: NodeConfig): boolean {
  return Object.keys(node.networks).length > 0;
}

/** A bridge or storage that no host has is told once; one that only some lack, for each node there. */
function missing(
  config: Pick<StackConfig, 'proxmox' | 'nodes'>,
  kind: 'bridges' | 'storages',
  key: 'bridge' | 'trunkBridge' | 'storage' | 'dataStorage' | 'imageStorage',
  needs: (node: NodeConfig) => boolean,
): Problem[] {
  const wanted = config.proxmox[key];
  if (wanted === undefined) return [];
  const what = kind === 'bridges' ? 'bridge' : 'storage';
  const known = [...new Set(config.proxmox.hosts.flatMap((host) => host[kind]))];
  if (!known.includes(wanted))
    return [new Problem(['proxmox', key], `a ${what} that a host has (${known.join(', ')})`, wanted)];
  return placed(config)
    .filter(([, node, host]) => needs(node) && !host[kind].includes(wanted))
    .map(([name, , host]) => {
      const expected = `a host with the ${what} ${wanted} (proxmox.${key})`;
      return new Problem(['nodes', name, 'host'], expected, `${host.name}, which has ${host[kind].join(', ')}`);
    });
}

function memoryOf(
  config: Pick<StackConfig, 'proxmox' | 'roles' | 'nodes'>,
  host: HostConfig,
  index: number,
): Problem[] {
  const nodes = placed(config).filter(([, , { name }]) => name === host.name);
  const sizes = nodes.map(([name, node]) => ({ name, memory: hardwareOf(config, node).memory }));
  const alone = sizes.filter(({ memory }) => memory > host.memory);
  if (alone.length > 0)
    return alone.map(({ name, memory }) => {
      const expected = `at most the ${host.memory} MiB of ${host.name}`;
      return new Problem(['nodes', name, 'hardware', 'memory'], expected, `${memory} MiB`);
    });
  const sum = sizes.reduce((total, { memory }) => total + memory, 0);
  if (sum <= host.memory) return [];
  const expected = `at least the ${sum} MiB of its nodes (${sizes.map(({ name }) => name).join(', ')})`;
  return [new Problem(['proxmox', 'hosts', index, 'memory'], expected, `${host.memory} MiB`)];
}
