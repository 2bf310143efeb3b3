import { BlockList, isIP } from 'node:net';
import type { NodeConfig, StackConfig } from './schema';
import { isSupportedKubernetes } from './versions';

/** One thing wrong with a stack file. */
export interface Problem {
  /** Property path, as in the stack file: `nodes.k8s-ctrl-1.vmId`. */
  path: string;
  /** What was expected and what was found. */
  message: string;
}

type Rule = (config: StackConfig) => Problem[];

/** The rules across fields. Each finds all of its problems; none throws. */
export const RULES: Rule[] = [
  uniqueVmIds,
  uniqueAddresses,
  uniqueMacs,
  addressesInSubnet,
  oddControlPlanes,
  knownHosts,
  templateSlots,
  pciMappings,
  gpuVariant,
  networksDeclared,
  releaseSlots,
  kubernetesRange,
  storageExtension,
  timeoutsAgree,
];

function nodesOf(config: StackConfig): [string, NodeConfig][] {
  return Object.entries(config.nodes);
}

/** Problems for every value that more than one node claims. */
function duplicates<T>(config: StackConfig, property: string, valueOf: (node: NodeConfig) => T | undefined): Problem[] {
  const owners = new Map<T, string>();
  const problems: Problem[] = [];
  for (const [name, node] of nodesOf(config)) {
    const value = valueOf(node);
    if (value === undefined) continue;
    const owner = owners.get(value);
    if (owner === undefined) owners.set(value, name);
    else
      problems.push({
        path: `nodes.${name}.${property}`,
        message: `expected a ${property} of its own, found ${String(value)}, which ${owner} has`,
      });
  }
  return problems;
}

function uniqueVmIds(config: StackConfig): Problem[] {
  return duplicates(config, 'vmId', (node) => node.vmId);
}

function uniqueMacs(config: StackConfig): Problem[] {
  return duplicates(config, 'mac', (node) => node.mac);
}

function uniqueAddresses(config: StackConfig): Problem[] {
  const problems = duplicates(config, 'address', (node) => node.address);
  for (const [name, node] of nodesOf(config)) {
    if (node.address === config.cluster.vip)
      problems.push({ path: `nodes.${name}.address`, message: `expected another address than the cluster's VIP` });
  }
  return problems;
}

function contains(subnet: string, address: string): boolean {
  const [base = '', bits = ''] = subnet.split('/');
  const list = new BlockList();
  list.addSubnet(base, Number(bits));
  return isIP(address) === 4 && list.check(address);
}

function addressesInSubnet(config: StackConfig): Problem[] {
  const { subnet, gateway, vip } = config.cluster;
  const expected = (path: string, address: string, net: string): Problem[] =>
    contains(net, address) ? [] : [{ path, message: `expected an address in ${net}, found ${address}` }];
  const problems = [...expected('cluster.gateway', gateway, subnet), ...expected('cluster.vip', vip, subnet)];
  for (const [name, node] of nodesOf(config)) {
    problems.push(...expected(`nodes.${name}.address`, node.address, subnet));
    for (const [network, address] of Object.entries(node.networks)) {
      const declared = config.networks[network];
      if (declared)
        problems.push(...expected(`nodes.${name}.networks.${network}`, address.split('/')[0] ?? '', declared.subnet));
    }
  }
  return problems;
}

function oddControlPlanes(config: StackConfig): Problem[] {
  const count = nodesOf(config).filter(([, node]) => node.role === 'controlplane').length;
  if (count % 2 === 1) return [];
  return [
    {
      path: 'nodes',
      message: `expected an odd number of control planes, so that etcd keeps a majority, found ${count}`,
    },
  ];
}

function knownHosts(config: StackConfig): Problem[] {
  return nodesOf(config)
    .filter(([, node]) => !config.proxmox.hosts.some((host) => host.name === node.host))
    .map(([name, node]) => ({
      path: `nodes.${name}.host`,
      message: `expected one of ${config.proxmox.hosts.map((host) => host.name).join(', ')}, found ${node.host}`,
    }));
}

function templateSlots(config: StackConfig): Problem[] {
  const { templateIds, hosts } = config.proxmox;
  const width = hosts.length * 2;
  const problems: Problem[] = [];
  if (Math.abs(templateIds.a - templateIds.b) < width)
    problems.push({
      path: 'proxmox.templateIds',
      message: `expected slots at least ${width} ids apart (two a host), found ${templateIds.a} and ${templateIds.b}`,
    });
  for (const [name, node] of nodesOf(config)) {
    for (const first of [templateIds.a, templateIds.b]) {
      if (node.vmId >= first && node.vmId < first + width)
        problems.push({
          path: `nodes.${name}.vmId`,
          message: `expected an id outside the template slot ${first}-${first + width - 1}, found ${node.vmId}`,
        });
    }
  }
  return problems;
}

function pciMappings(config: StackConfig): Problem[] {
  const owners = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [name, node] of nodesOf(config)) {
    for (const mapping of node.pci) {
      const owner = owners.get(mapping);
      owners.set(mapping, owner ?? name);
      if (owner !== undefined)
        problems.push({
          path: `nodes.${name}.pci`,
          message: `expected a PCI mapping of its own, found ${mapping}, which ${owner} uses`,
        });
    }
  }
  return problems;
}

function gpuVariant(config: StackConfig): Problem[] {
  return nodesOf(config)
    .filter(([, node]) => (node.variant === 'gpu') !== node.pci.length > 0)
    .map(([name, node]) => ({
      path: `nodes.${name}.variant`,
      message:
        node.variant === 'gpu'
          ? 'expected a PCI mapping for a node of variant gpu, found none'
          : `expected variant gpu for a node with PCI mappings, found ${node.variant}`,
    }));
}

function networksDeclared(config: StackConfig): Problem[] {
  const problems: Problem[] = [];
  for (const [name, node] of nodesOf(config)) {
    for (const network of Object.keys(node.networks)) {
      const path = `nodes.${name}.networks.${network}`;
      if (!(network in config.networks))
        problems.push({ path, message: `expected one of ${Object.keys(config.networks).join(', ') || 'no networks'}` });
      else if (config.proxmox.trunkBridge === undefined)
        problems.push({ path, message: 'expected proxmox.trunkBridge, the bridge that carries the VLANs, found none' });
    }
  }
  return problems;
}

function releaseSlots(config: StackConfig): Problem[] {
  const problems: Problem[] = [];
  const { active } = config.releases;
  if (!config.releases[active])
    problems.push({ path: 'releases.active', message: `expected releases.${active} to be filled, found it empty` });
  for (const [name, node] of nodesOf(config)) {
    if (node.release && !config.releases[node.release])
      problems.push({ path: `nodes.${name}.release`, message: `expected a filled slot, found ${node.release} empty` });
  }
  return problems;
}

function kubernetesRange(config: StackConfig): Problem[] {
  return (['a', 'b'] as const).flatMap((name) => {
    const release = config.releases[name];
    if (!release) return [];
    const verdict = isSupportedKubernetes(release.talos, release.kubernetes);
    return verdict.ok ? [] : [{ path: `releases.${name}.kubernetes`, message: verdict.why }];
  });
}

function storageExtension(config: StackConfig): Problem[] {
  if (!config.linstor) return [];
  const problems: Problem[] = [];
  for (const variant of ['standard', 'gpu'] as const) {
    if (!config.talos.extensions[variant].includes('siderolabs/drbd'))
      problems.push({
        path: `talos.extensions.${variant}`,
        message: 'expected siderolabs/drbd among the extensions, because linstor is set, found none',
      });
  }
  if (config.roles.worker.dataDisk === undefined)
    problems.push({
      path: 'roles.worker.dataDisk',
      message: 'expected a data disk, because linstor is set, found none',
    });
  return problems;
}

function timeoutsAgree(config: StackConfig): Problem[] {
  const { healthCheckTimeout, healthTimeout, healthPasses } = config.rollout;
  if (healthCheckTimeout * healthPasses <= healthTimeout) return [];
  return [
    {
      path: 'rollout.healthTimeout',
      message: `expected at least healthCheckTimeout x healthPasses = ${healthCheckTimeout * healthPasses} s, found ${healthTimeout} s`,
    },
  ];
}
