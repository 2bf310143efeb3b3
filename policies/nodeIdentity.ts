import { isIPv4 } from 'node:net';
import { isAsFound } from './support/asFound';
import type { StackConfig } from '../config/schema';
import { contains, edges } from './support/addresses';
import { resourcePolicy, stackPolicy } from './support/define';
import { stackFacts } from './support/facts';
import { configuredAddresses, machineAddresses } from './support/machineConfig';
import { allVms, nodeNameOf, nodes, nodeVms, sharedValues, type VmProps } from './support/nodes';
import { MACHINE_CONFIG, VM } from './support/types';

interface IdRange {
  first?: number;
  last?: number;
}

export const vmIdFixed = resourcePolicy(
  {
    name: 'vm-id-fixed',
    description: 'A VM id that Proxmox picks, or one of the template slots, is another machine after a replacement.',
    config: {
      properties: { first: { type: 'integer', default: 100 }, last: { type: 'integer', default: 999_999_999 } },
    },
  },
  [VM],
  ({ resource, report }) => {
    const { vmId, template } = resource.props as VmProps;
    const name = nodeNameOf(resource);
    const { first = 100, last = 999_999_999 } = resource.getConfig<IdRange>();
    const where = `Set nodes.${name}.vmId in the stack file.`;
    if (vmId === undefined || !Number.isInteger(vmId))
      report(`${name}: expected a fixed VM id, found ${String(vmId)}. ${where}`);
    else if (vmId < first || vmId > last)
      report(`${name}: expected a VM id from ${first} to ${last}, found ${vmId}. ${where}`);
    else if (!isAsFound(resource.name)) slotProblem(name, vmId, template === true, report);
  },
);

/** Templates have two ids a host in each slot; nodes stay out of them. */
function slotProblem(name: string, vmId: number, template: boolean, report: (message: string) => void): void {
  const proxmox = stackFacts()?.proxmox;
  if (!proxmox) return;
  const width = proxmox.hosts.length * 2;
  const { a, b } = proxmox.templateIds;
  const inSlot = [a, b].some((first) => vmId >= first && vmId < first + width);
  const slots = `${a}-${a + width - 1} or ${b}-${b + width - 1}`;
  if (template && !inSlot)
    report(`${name}: expected a template's id in ${slots}, found ${vmId}. Set proxmox.templateIds.`);
  if (!template && inSlot)
    report(`${name}: expected an id outside the template slots ${slots}, found ${vmId}. Set nodes.${name}.vmId.`);
}

export const vmIdsUnique = stackPolicy(
  { name: 'vm-ids-unique', description: 'Two resources with one VM id delete and overwrite each other’s machine.' },
  ({ stack, unknowns, report }) => {
    const pairs = allVms(stack).flatMap(({ props, name }) => {
      const vmId = unknowns.attempt(() => props.vmId);
      return vmId === undefined ? [] : [[vmId, name] as const];
    });
    for (const [vmId, owners] of sharedValues(pairs))
      report(
        `${owners.join(', ')}: expected a VM id of its own for each, found ${vmId} ${owners.length} times. Set nodes.*.vmId.`,
      );
  },
);

const MAC = /^([0-9A-F]{2}:){5}[0-9A-F]{2}$/;

export const macFixed = resourcePolicy(
  {
    name: 'mac-fixed',
    description: 'Without a fixed MAC a replaced node comes back as a stranger to DHCP, firewalls and its own config.',
    config: { properties: { prefix: { type: 'string', pattern: '^([0-9A-F]{2}(:|$)){0,6}$' } } },
  },
  [VM],
  ({ resource, unknowns, report }) => {
    const props = resource.props as VmProps;
    if (props.template === true) return;
    const name = nodeNameOf(resource);
    const { prefix = '' } = resource.getConfig<{ prefix?: string }>();
    unknowns.each((props.networkDevices ?? []).entries(), ([index, nic]) => {
      const mac = nic.macAddress;
      const at = `${name}: NIC ${index}:`;
      if (mac === undefined || !MAC.test(mac))
        report(`${at} expected a fixed MAC address in upper case, found ${mac ?? 'none'}. Set nodes.${name}.mac.`);
      // The lowest bit of the first octet says multicast, which no machine can have.
      else if (parseInt(mac.slice(0, 2), 16) % 2 === 1)
        report(`${at} expected a unicast MAC address, found ${mac}. Set nodes.${name}.mac.`);
      else if (!mac.startsWith(prefix))
        report(`${at} expected a MAC address that begins with ${prefix}, found ${mac}. Set nodes.${name}.mac.`);
    });
  },
);

export const macsUnique = stackPolicy(
  { name: 'macs-unique', description: 'Two NICs with one MAC take each other off the network.' },
  ({ stack, unknowns, report }) => {
    const pairs = nodeVms(stack).flatMap(({ props, name }) => {
      const devices = unknowns.attempt(() => props.networkDevices) ?? [];
      return Array.from({ length: devices.length }, (_, index) =>
        unknowns.attempt(() => devices[index]?.macAddress?.toUpperCase()),
      ).flatMap((mac) => (mac === undefined ? [] : [[mac, name] as const]));
    });
    for (const [mac, owners] of sharedValues(pairs))
      report(
        `${owners.join(', ')}: expected a MAC of its own for each NIC, found ${mac} ${owners.length} times. Set nodes.*.mac, or ` +
          `nodes.*.macs for a further NIC.`,
      );
  },
);

export const addressFixed = resourcePolicy(
  {
    name: 'address-fixed',
    description: 'A node without its own fixed address cannot be found again after its replacement.',
  },
  [VM],
  ({ resource, report }) => {
    const name = nodeNameOf(resource);
    const props = resource.props as VmProps;
    if (props.template === true) return;
    const address = props.initialization?.ipConfigs?.[0]?.ipv4?.address;
    const where = `Set nodes.${name}.address in the stack file.`;
    if (address === undefined || !/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(address))
      report(`${name}: expected a fixed address in CIDR notation, found ${address ?? 'none'}. ${where}`);
    else {
      const problem = addressProblem(address.split('/')[0] ?? '', stackFacts()?.cluster);
      if (problem !== undefined) report(`${name}: ${problem}. ${where}`);
    }
  },
);

function addressProblem(address: string, cluster: StackConfig['cluster'] | undefined): string | undefined {
  if (!cluster) return undefined;
  if (!contains(cluster.subnet, address)) return `expected an address in ${cluster.subnet}, found ${address}`;
  const taken = new Map([
    [cluster.gateway, "the gateway's"],
    [cluster.vip, "the cluster's VIP"],
    ...edges(cluster.subnet).map((edge) => [edge, "the network's own"] as const),
  ]);
  const owner = taken.get(address);
  return owner === undefined ? undefined : `expected an address of its own, found ${address}, which is ${owner}`;
}

/** Further NICs have their addresses in the machine configuration alone. */
export const addressesInNetworks = resourcePolicy(
  {
    name: 'addresses-in-networks',
    description:
      'An address outside the networks that the stack file knows is reached by nobody, or is somebody else’s.',
  },
  [MACHINE_CONFIG],
  ({ resource, report }) => {
    const facts = stackFacts();
    const name = nodeNameOf(resource);
    if (!facts || facts.adopted?.nodes[name]?.keepConfiguration === true) return;
    const subnets = [facts.cluster.subnet, ...Object.values(facts.networks).map(({ subnet }) => subnet)];
    for (const address of configuredAddresses(resource.props).filter(isIPv4))
      if (!subnets.some((subnet) => contains(subnet, address)))
        report(
          `${name}: expected every address in one of ${subnets.join(', ')}, found ${address}. Set nodes.${name}.networks, ` +
            `or declare the network in prox-ops:networks.`,
        );
  },
);

export const addressesUnique = stackPolicy(
  { name: 'addresses-unique', description: 'Two machines with one address answer for each other.' },
  ({ stack, unknowns, report }) => {
    const pairs: [string, string][] = [];
    for (const { props, name } of nodeVms(stack)) {
      const address = unknowns.attempt(() => props.initialization?.ipConfigs?.[0]?.ipv4?.address);
      if (address !== undefined) pairs.push([address.split('/')[0] ?? '', name]);
    }
    unknowns.each(nodes(stack), (node) => {
      const own = pairs.filter(([, name]) => name === node.name).map(([address]) => address);
      // The first NIC's address stands in both the VM and its machine configuration.
      for (const address of machineAddresses(node)) if (!own.includes(address)) pairs.push([address, node.name]);
    });
    for (const [address, owners] of sharedValues(pairs))
      report(
        `${owners.join(', ')}: expected an address of its own for each, found ${address} ${owners.length} times. Set ` +
          `nodes.*.address, or nodes.*.networks for a further NIC.`,
      );
  },
);
