import type { KubeObject } from '../clients/kubernetesObjects.js';
import { fullName } from '../clients/kubernetesObjects.js';
import type { ProxmoxClient } from '../clients/proxmox.js';
import { skipped, verdict, type Check } from '../checks/check.js';
import type { ExpectedCluster, ExpectedNic, ExpectedNode } from './expected.js';
import { askNodes, nodeProblems, type MachineFacts, type Machines } from './machines.js';

/** The part of Proxmox that a verification reads. */
export type VmReader = Pick<ProxmoxClient, 'configOf'>;

export function linksCheck({ nodes }: ExpectedCluster, machines: Machines): Check {
  return {
    id: 'links',
    describe: 'every NIC of every node is there, has a carrier, and its address',
    how: 'talosctl get links and get addresses of every node, NICs known by their MAC',
    run: async () => {
      const problems = nodeProblems(nodes, await machines.facts(), (node, facts) =>
        node.nics.flatMap((nic, index) => linkProblems(nic, `NIC ${index} (${nic.mac})`, facts)),
      );
      const nics = nodes.flatMap((node) => node.nics);
      const addresses = nics.filter(({ address }) => address !== undefined).length;
      return verdict(
        problems,
        'every NIC up with its address',
        `${nics.length} NICs up, ${addresses} with their address, on ${nodes.length} nodes`,
      );
    },
  };
}

function linkProblems({ mac, address }: ExpectedNic, what: string, { links, addresses }: MachineFacts): string[] {
  const link = links.find((candidate) => candidate.mac === mac.toLowerCase() && candidate.type === 'ether');
  if (!link) return [`${what} is not there`];
  const state = link.up ? [] : [`${what} ${link.name} has no carrier`];
  const own = addresses.filter((found) => found.link === link.name).map((found) => found.address);
  if (address === undefined || own.includes(address)) return state;
  return [...state, `${what} ${link.name} without ${address}, it has ${own.join(', ') || 'none'}`];
}

export function vlansCheck({ nodes }: ExpectedCluster, proxmox: VmReader): Check {
  return {
    id: 'vlans',
    describe: "every VM's NICs are on the bridges and VLANs of the stack file",
    how: 'Proxmox: netN of every VM',
    run: async () => {
      const configurations = await askNodes(nodes, async ({ vmId }) => {
        const found = await proxmox.configOf(vmId);
        if (!found) throw new Error(`expected VM ${vmId}, found none`);
        return found;
      });
      const problems = nodeProblems(nodes, configurations, vlanProblems);
      const tags = [...new Set(nodes.flatMap(({ nics }) => nics.flatMap(({ vlan }) => vlan ?? [])))];
      return verdict(
        problems,
        'bridges and VLANs of the stack file',
        `VLANs ${tags.sort((left, right) => left - right).join(', ') || 'none'} on ${nodes.length} VMs`,
      );
    },
  };
}

function vlanProblems({ nics }: ExpectedNode, configuration: Record<string, unknown>): string[] {
  const further = Object.keys(configuration).filter((key) => /^net\d+$/.test(key)).length - nics.length;
  const problems = nics.flatMap((nic, index) => {
    const text = configuration[`net${index}`];
    if (typeof text !== 'string') return [`net${index} is not there`];
    const found = netOf(text);
    const wanted = { mac: nic.mac.toUpperCase(), bridge: nic.bridge, vlan: nic.vlan, trunks: nic.trunks?.join(';') };
    return (['mac', 'bridge', 'vlan', 'trunks'] as const).flatMap((key) => {
      // A trunk of no particular VLANs carries all of its bridge, and says nothing of it.
      const expected = wanted[key] === '' ? undefined : wanted[key];
      return found[key] === expected
        ? []
        : [`net${index} ${key} ${found[key] ?? 'none'}, wanted ${expected ?? 'none'}`];
    });
  });
  return [...problems, ...(further > 0 ? [`${further} NIC(s) more than planned`] : [])];
}

/** virtio=BC:24:11:…,bridge=vmbr0,tag=62,trunks=62;81 */
function netOf(text: string): { mac?: string; bridge?: string; vlan?: number; trunks?: string } {
  const [model = '', ...options] = text.split(',');
  const values = new Map(options.map((option) => option.split('=') as [string, string]));
  const [tag, bridge, trunks] = [values.get('tag'), values.get('bridge'), values.get('trunks')];
  return {
    mac: model.replace(/^[^=]*=/, '').toUpperCase(),
    ...(bridge !== undefined && { bridge }),
    ...(tag !== undefined && { vlan: Number(tag) }),
    ...(trunks !== undefined && { trunks }),
  };
}

interface Attachment extends KubeObject {
  spec?: { config?: string };
}

export function multusCheck({ nodes }: ExpectedCluster, machines: Machines): Check {
  return {
    id: 'multus',
    describe: 'the links that pods are attached to are on every worker',
    how: 'Kubernetes: masters in NetworkAttachmentDefinitions; talosctl get links of every worker',
    run: async ({ session }) => {
      const path = '/apis/k8s.cni.cncf.io/v1/network-attachment-definitions';
      const found = await session.kubernetes.list<Attachment>(path);
      if (!found || found.length === 0) return skipped('no NetworkAttachmentDefinition');
      const masters = found.map((attachment) => ({ name: fullName(attachment), links: mastersOf(attachment) }));
      const workers = nodes.filter(({ role }) => role === 'worker');
      const problems = nodeProblems(workers, await machines.facts(), (_, { links }) => {
        const names = new Set(links.map(({ name }) => name));
        return masters.flatMap(({ name, links: wanted }) =>
          wanted.filter((link) => !names.has(link)).map((link) => `${name} wants ${link}, which is not there`),
        );
      });
      return verdict(problems, 'every master link on every worker', `${found.length} attachments`);
    },
  };
}

/** Of one plugin or of a list of them; a configuration that lies on the node's disk has none here. */
function mastersOf({ spec }: Attachment): string[] {
  type Plugin = { master?: string };
  try {
    const { master, plugins = [] } = JSON.parse(spec?.config ?? '{}') as Plugin & { plugins?: Plugin[] };
    return [master, ...plugins.map((plugin) => plugin.master)].filter((link) => link !== undefined);
  } catch {
    return [];
  }
}
