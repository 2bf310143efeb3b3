import type { Findings } from './findings';
import { at, isObject, mainDocument, objects, strings, text, type LiveNode } from './liveCluster';
import type { Pair } from './pairing';
import { numbered, parseProperties } from './properties';

/** One NIC of a VM with what its machine configuration says of it. */
export interface LiveNic {
  mac: string;
  bridge: string;
  vlan: number | undefined;
  /** In CIDR notation. */
  address: string | undefined;
  gateway: string | undefined;
  /** A trunk's VLAN tags; undefined for an ordinary NIC. */
  trunks: number[] | undefined;
}

/** NICs in their order, each with its address by hardware address, else by the interfaces' order, else by cloud-init. */
export function nicsOf({ node, vm }: Pair): LiveNic[] {
  const interfaces = objects(at(mainDocument(node.documents), 'machine', 'network', 'interfaces'));
  return numbered(vm.config, 'net').map(({ value }, index) => {
    const options = parseProperties(value);
    const mac = (options['virtio'] ?? options['macaddr'] ?? options['e1000'] ?? options['vmxnet3'] ?? '').toUpperCase();
    const configured = interfaces.find((entry) => hardwareAddress(entry) === mac) ?? unnamed(interfaces, index);
    const cloudInit = parseProperties(vm.config[`ipconfig${index}`] ?? '');
    const [route] = objects(configured?.['routes']);
    return {
      mac,
      bridge: options['bridge'] ?? '',
      vlan: options['tag'] === undefined ? undefined : Number(options['tag']),
      address: strings(configured?.['addresses'])[0] ?? fixed(cloudInit['ip']) ?? first(node, index),
      gateway: text(route?.['gateway']) ?? cloudInit['gw'],
      trunks: options['trunks'] === undefined ? undefined : options['trunks'].split(';').map(Number),
    };
  });
}

function fixed(address: string | undefined): string | undefined {
  return address === 'dhcp' ? undefined : address;
}

/** The first NIC carries the kubelet's address, wherever that comes from. */
function first(node: LiveNode, index: number): string | undefined {
  return index === 0 ? node.addresses.find((address) => address.split('/')[0] === node.address) : undefined;
}

function hardwareAddress(entry: Record<string, unknown>): string | undefined {
  return text(at(entry, 'deviceSelector', 'hardwareAddr'))?.toUpperCase();
}

/** An interface that is selected by something else than its hardware address: by its place. */
function unnamed(interfaces: Record<string, unknown>[], index: number): Record<string, unknown> | undefined {
  const entry = interfaces[index];
  return entry && hardwareAddress(entry) === undefined ? entry : undefined;
}

/** The network that an address in CIDR notation is in. */
export function networkOf(cidr: string): string {
  const [address = '', bits = '32'] = cidr.split('/');
  const mask = Number(bits) === 0 ? 0 : (~0 << (32 - Number(bits))) >>> 0;
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const base = (value & mask) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (base >>> shift) & 255).join('.')}/${bits}`;
}

/** The address that control planes share. */
export function vipOf(nodes: LiveNode[], findings: Findings): string {
  const documents = nodes.filter(({ role }) => role === 'controlplane').flatMap((node) => node.documents);
  const interfaces = documents.flatMap((document) => objects(at(document, 'machine', 'network', 'interfaces')));
  const fromLink = interfaces.map((entry) => text(at(entry, 'vip', 'ip'))).find((ip) => ip !== undefined);
  const own = documents.find((document) => document['kind'] === 'Layer2VIPConfig');
  const vip = fromLink ?? text(own?.['name']);
  if (vip !== undefined) return vip;
  const endpoint = text(at(documents.find(isObject), 'cluster', 'controlPlane', 'endpoint')) ?? '(none)';
  findings.problem(`cluster.vip: expected control planes that share a virtual address, found the endpoint ${endpoint}`);
  return '';
}

/** Further networks by VLAN, named after it. */
export function networksOf(pairs: Pair[]): Record<string, { vlan: number; subnet: string }> {
  const networks = new Map<number, string>();
  for (const pair of pairs) {
    for (const { vlan, address } of nicsOf(pair).slice(1))
      if (vlan !== undefined && address !== undefined) networks.set(vlan, networkOf(address));
  }
  const sorted = [...networks].sort(([left], [right]) => left - right);
  return Object.fromEntries(sorted.map(([vlan, subnet]) => [`vlan${vlan}`, { vlan, subnet }]));
}
