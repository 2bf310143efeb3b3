import { reservedTags } from '../../config/plan';
import type { Findings } from './findings';
import { at, isObject, mainDocument } from './liveCluster';
import { nicsOf } from './composeNetwork';
import type { Pair } from './pairing';
import { mostCommon, numbered, parseProperties, sizeInGib } from './properties';

/** A part of the stack file before it is validated. */
export type Raw = Record<string, unknown>;

export interface RawHardware {
  cores: number;
  sockets: number;
  memory: number;
  disk: number;
  /** 0: none. */
  dataDisk: number;
}

const TAG = /^[a-z0-9_][a-z0-9_.+-]*$/;
/** A drive that is no disk of the node's own. */
const NO_DISK = /cloudinit|media=cdrom|^none/;

export function variantOf({ node, vm }: Pair): 'standard' | 'gpu' {
  const nvidia = node.extensions.some((name) => /nvidia/.test(name));
  return nvidia || numbered(vm.config, 'hostpci').length > 0 ? 'gpu' : 'standard';
}

/** The disks of a VM, system disk first: their keys, storages and sizes. */
export function disksOf({ vm }: Pair): { key: string; storage: string; size: number }[] {
  return ['scsi', 'virtio', 'sata'].flatMap((bus) =>
    numbered(vm.config, bus)
      .filter(({ value }) => !NO_DISK.test(value))
      .map(({ key, value }) => {
        const options = parseProperties(value);
        return {
          key,
          storage: (options[''] ?? '').split(':')[0] ?? '',
          size: Math.ceil(sizeInGib(options['size']) ?? 0),
        };
      }),
  );
}

export function hardwareOf(pair: Pair): RawHardware {
  const { config } = pair.vm;
  const [system, data] = disksOf(pair);
  const number = (key: string, otherwise: number): number => Number(config[key] ?? otherwise);
  return {
    cores: number('cores', 1),
    sockets: number('sockets', 1),
    memory: number('memory', 512),
    disk: system?.size ?? 0,
    dataDisk: data?.size ?? 0,
  };
}

/** What most nodes of a role have. */
export function roleHardware(pairs: Pair[], role: 'controlplane' | 'worker'): RawHardware {
  const own = pairs.filter(({ node }) => node.role === role);
  const all = (own.length > 0 ? own : pairs).map(hardwareOf);
  const common = (key: keyof RawHardware): number => mostCommon(all.map((hardware) => hardware[key])) ?? 0;
  const [cores, sockets, memory] = [common('cores'), common('sockets'), common('memory')];
  return { cores, sockets, memory, disk: common('disk'), dataDisk: common('dataDisk') };
}

export interface NodeContext {
  clusterName: string;
  roles: Record<'controlplane' | 'worker', RawHardware>;
  networks: Record<string, { vlan: number }>;
  release: 'b' | undefined;
  findings: Findings;
}

/** A node of the stack file. */
export function composeNode(pair: Pair, context: NodeContext): Raw {
  const { node, vm } = pair;
  const pci = pciOf(pair, context.findings);
  const hardware = overrides(hardwareOf(pair), context.roles[node.role]);
  const machine = at(mainDocument(node.documents), 'machine');
  return {
    role: node.role,
    vmId: vm.vmId,
    host: vm.host,
    address: node.address,
    uuid: vm.uuid,
    ...networking(pair, context),
    ...(variantOf(pair) === 'gpu' && { variant: 'gpu' }),
    ...(pci.length > 0 && { pci }),
    ...(Object.keys(hardware).length > 0 && { hardware }),
    ...(vm.config['bios'] === 'ovmf' && { bios: 'ovmf' }),
    ...(vm.config['onboot'] !== '1' && { onBoot: false }),
    ...startup(vm.config['startup']),
    ...filled('tags', tagsOf(pair, context)),
    ...filled('labels', textMap(at(machine, 'nodeLabels'))),
    ...filled('taints', textMap(at(machine, 'nodeTaints'))),
    ...(context.release && { release: context.release }),
  };
}

function networking(pair: Pair, { networks, findings }: NodeContext): Raw {
  const [first, ...others] = nicsOf(pair);
  const addresses: Record<string, string> = {};
  const macs: Record<string, string> = {};
  let trunk: { vlans: number[] } | undefined;
  for (const { mac, vlan, address, trunks } of others) {
    const [name] = Object.entries(networks).find(([, network]) => network.vlan === vlan) ?? [];
    if (name !== undefined && address !== undefined) {
      addresses[name] = address;
      macs[name] = mac;
    } else if (trunk === undefined && address === undefined && vlan === undefined) {
      trunk = { vlans: trunks ?? [] };
      macs['trunk'] = mac;
    } else {
      const live = [`NIC ${mac}`, ...(vlan === undefined ? [] : [`VLAN ${vlan}`]), address ?? 'no address'].join(', ');
      const what = `nodes.${pair.node.name}.networks`;
      findings.differs(
        what,
        live,
        'no such NIC',
        'it is not there after a replacement: give the NIC a VLAN and an address',
      );
    }
  }
  return {
    ...(first && { mac: first.mac }),
    ...filled('networks', addresses),
    ...filled('macs', macs),
    ...(trunk && { trunk }),
  };
}

function pciOf({ node, vm }: Pair, findings: Findings): string[] {
  return numbered(vm.config, 'hostpci').flatMap(({ key, value }) => {
    const { mapping } = parseProperties(value);
    if (mapping !== undefined) return [mapping];
    findings.problem(
      `nodes.${node.name}.pci: expected PCI devices by mapping, found ${key} without one; make a mapping for it in ` +
        'Proxmox (Datacenter, Resource Mappings) and use it in the VM',
    );
    return [];
  });
}

/** The VM's tags without those that are the program's own to give. */
function tagsOf(pair: Pair, { clusterName, findings }: NodeContext): string[] {
  const { node, vm } = pair;
  const own = reservedTags({ cluster: { name: clusterName } }, { role: node.role, variant: variantOf(pair) });
  const tags = (vm.config['tags'] ?? '').split(/[;, ]/).filter((tag) => tag !== '' && !own.includes(tag));
  const odd = tags.filter((tag) => !TAG.test(tag));
  if (odd.length > 0) findings.differs(`nodes.${node.name}.tags`, odd.join(', '), 'none of these', 'rename the tags');
  return tags.filter((tag) => TAG.test(tag));
}

function startup(value: string | undefined): Raw {
  if (value === undefined) return {};
  const { '': plain, order = plain, up, down } = parseProperties(value);
  const numbers = Object.entries({ order, upDelay: up, downDelay: down }).filter(([, number]) => number !== undefined);
  return filled('startup', Object.fromEntries(numbers.map(([key, number]) => [key, Number(number)])));
}

function overrides(own: RawHardware, role: RawHardware): Partial<RawHardware> {
  const keys = Object.keys(own) as (keyof RawHardware)[];
  return Object.fromEntries(keys.filter((key) => own[key] !== role[key]).map((key) => [key, own[key]]));
}

function textMap(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, String(inner)]));
}

function filled(key: string, value: object): Raw {
  return Object.keys(value).length > 0 ? { [key]: value } : {};
}
