import { addressText, contains, overlap, parseNetwork } from '../ipv4';
import { Problem } from '../problem';
import type { StackConfig } from '../schema';
import { claimedTwice, nodesOf, rule, type Claim, type Rule } from './rule';

/** Addresses, subnets and VLANs. */
export const NETWORK_RULES: Rule[] = [
  rule(['cluster'], ({ cluster: { subnet, gateway, vip } }) => [
    ...hostAddress(['cluster', 'gateway'], gateway, subnet),
    ...hostAddress(['cluster', 'vip'], vip, subnet),
  ]),

  rule(['cluster', 'nodes'], (config) =>
    nodesOf(config).flatMap(([name, { address }]) =>
      hostAddress(['nodes', name, 'address'], address, config.cluster.subnet),
    ),
  ),

  rule(['cluster', 'proxmox', 'nodes'], (config) => {
    const { vip, gateway } = config.cluster;
    const api = new URL(config.proxmox.endpoint).hostname;
    const claims: Claim[] = [
      { at: ['cluster', 'gateway'], value: gateway, owner: 'the gateway' },
      { at: ['cluster', 'vip'], value: vip, owner: "the cluster's VIP" },
      { at: ['proxmox', 'endpoint'], value: api, owner: "Proxmox' API" },
      ...nodesOf(config).map(([name, { address }]) => ({
        at: ['nodes', name, 'address'],
        value: address,
        owner: name,
      })),
    ];
    return claimedTwice('an address', claims);
  }),

  rule(['nodes'], (config) => {
    const claims = nodesOf(config).flatMap(([name, node]) =>
      Object.entries(node.networks).map(([network, cidr]) => ({
        at: ['nodes', name, 'networks', network],
        value: cidr.split('/')[0] ?? '',
        owner: name,
      })),
    );
    return claimedTwice('an address', claims);
  }),

  rule(['networks', 'nodes'], (config) =>
    nodesOf(config).flatMap(([name, node]) =>
      Object.entries(node.networks).flatMap(([network, cidr]) =>
        networkAddress(['nodes', name, 'networks', network], cidr, network, config.networks),
      ),
    ),
  ),

  rule(['proxmox', 'nodes'], (config) => {
    if (config.proxmox.trunkBridge !== undefined) return [];
    const tagged = nodesOf(config).find(([, node]) => node.trunk ?? Object.keys(node.networks).length > 0);
    if (!tagged) return [];
    const expected = `a bridge that carries VLANs, because ${tagged[0]} has a NIC on one`;
    return [new Problem(['proxmox', 'trunkBridge'], expected, 'none')];
  }),

  rule(['networks'], ({ networks }) => {
    const claims = Object.entries(networks).map(([name, { vlan }]) => ({
      at: ['networks', name, 'vlan'],
      value: vlan,
      owner: name,
    }));
    return claimedTwice('a VLAN', claims);
  }),

  rule(['cluster', 'networks'], (config) => subnets(config).flatMap(({ at, cidr }) => networkBase(at, cidr))),

  rule(['cluster', 'networks'], (config) => {
    const all = subnets(config);
    return all.flatMap(({ at, cidr }, index) =>
      all
        .slice(0, index)
        .filter((earlier) => overlap(parseNetwork(earlier.cidr), parseNetwork(cidr)))
        .map((earlier) => new Problem(at, `a network apart from ${earlier.name} (${earlier.cidr})`, cidr)),
    );
  }),

  // Every node takes a /24 of the pods' addresses.
  rule(
    ['cluster', 'nodes'],
    ({ cluster, nodes }) => {
      const count = Object.keys(nodes).length;
      return cluster.podSubnets.flatMap((cidr, index) => {
        const room = 2 ** Math.max(0, 24 - parseNetwork(cidr).bits);
        if (parseNetwork(cidr).bits <= 24 && room >= count) return [];
        const expected = `room for ${count} nodes, each with a /24`;
        return [new Problem(['cluster', 'podSubnets', index], expected, cidr)];
      });
    },
    { everyNode: true },
  ),

  rule(['cluster'], ({ cluster }) =>
    cluster.serviceSubnets.flatMap((cidr, index) =>
      parseNetwork(cidr).bits >= 12
        ? []
        : [
            new Problem(
              ['cluster', 'serviceSubnets', index],
              'at most a /12, which is all that Kubernetes takes',
              cidr,
            ),
          ],
    ),
  ),
];

interface Subnet {
  at: PropertyKey[];
  name: string;
  cidr: string;
}

function subnets({ cluster, networks }: Pick<StackConfig, 'cluster' | 'networks'>): Subnet[] {
  const list = (key: 'podSubnets' | 'serviceSubnets') =>
    cluster[key].map((cidr, index) => ({ at: ['cluster', key, index], name: `cluster.${key}`, cidr }));
  return [
    { at: ['cluster', 'subnet'], name: 'cluster.subnet', cidr: cluster.subnet },
    ...Object.entries(networks).map(([name, { subnet }]) => ({
      at: ['networks', name, 'subnet'],
      name: `networks.${name}`,
      cidr: subnet,
    })),
    ...list('podSubnets'),
    ...list('serviceSubnets'),
  ];
}

/** An address that a host can have: in the subnet, and neither its first nor its last. */
function hostAddress(at: PropertyKey[], address: string, subnet: string): Problem[] {
  const network = parseNetwork(subnet);
  if (!contains(network, address)) return [new Problem(at, `an address in ${subnet}`, address)];
  const reserved = [
    { address: addressText(network.first), what: "the network's own address" },
    { address: addressText(network.last), what: 'the broadcast address' },
  ].find((candidate) => candidate.address === address && network.bits < 31);
  return reserved ? [new Problem(at, `a host's address in ${subnet}`, `${address}, ${reserved.what}`)] : [];
}

function networkAddress(
  at: PropertyKey[],
  cidr: string,
  network: string,
  networks: StackConfig['networks'],
): Problem[] {
  const declared = networks[network];
  if (!declared) {
    const known = Object.keys(networks);
    const expected =
      known.length === 0 ? 'a network of prox-ops:networks, which has none' : `one of ${known.join(', ')}`;
    return [new Problem(at, expected, network)];
  }
  const [address = '', bits = ''] = cidr.split('/');
  const wanted = declared.subnet.split('/')[1] ?? '';
  if (bits !== wanted) return [new Problem(at, `the prefix length of ${network}, /${wanted}`, `/${bits}`)];
  return hostAddress(at, address, declared.subnet);
}

/** `10.0.0.5/24` is an address: as a network it hides which one was meant. */
function networkBase(at: PropertyKey[], cidr: string): Problem[] {
  const { first, bits } = parseNetwork(cidr);
  const base = `${addressText(first)}/${bits}`;
  return base === cidr ? [] : [new Problem(at, `the network's own address, ${base}`, cidr)];
}
