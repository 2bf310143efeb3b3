import { createHash } from 'node:crypto';
import { foundNode, foundTemplate, type FoundNode, type FoundTemplate } from './adopted';
import type { Hardware, NodeConfig, Release, Slot, StackConfig, Variant } from './schema';

/**
 * The plan is pure: the same configuration always gives the same ids, addresses, MACs, UUIDs, templates and order.
 * Nothing here may depend on the position of a node in the file, or adding one would rename the others.
 */

export interface TemplatePlan {
  /** `a-thor-gpu`: slot, host, variant. */
  key: string;
  slot: Slot;
  host: string;
  variant: Variant;
  vmId: number;
  /** VM name, with the release. */
  name: string;
  release: Release;
  /** Kernel arguments of the variant's schematic. */
  kernelArgs: string[];
  /** It was there before the program, and stays as it is. */
  found?: FoundTemplate;
}

export interface NicPlan {
  bridge: string;
  mac: string;
  vlan?: number;
  /** Address in CIDR notation; a trunk has none. */
  address?: string;
  /** The network's name in the stack file; the first NIC and a trunk have none. */
  network?: string;
  /** A trunk's VLAN tags, ascending; empty: all of the bridge. Absent: no trunk. */
  trunks?: number[];
}

export interface StartupPlan {
  order: number;
  /** Seconds. */
  upDelay?: number;
  /** Seconds. */
  downDelay?: number;
}

export interface NodePlan {
  name: string;
  role: NodeConfig['role'];
  vmId: number;
  host: string;
  address: string;
  /** SMBIOS system UUID. */
  uuid: string;
  variant: Variant;
  slot: Slot;
  release: Release;
  /** Key of the template it is cloned from. */
  template: string;
  templateVmId: number;
  nics: NicPlan[];
  pci: string[];
  /** The role's hardware with the node's own overrides. */
  hardware: Hardware;
  /** Whether it has a disk for LINSTOR, and so a satellite. */
  satellite: boolean;
  bios: NodeConfig['bios'];
  startup: StartupPlan;
  onBoot: boolean;
  /** Proxmox tags, all of them, sorted and each once. */
  tags: string[];
  labels: Record<string, string>;
  taints: Record<string, string>;
  /** The node's own patches of its machine configuration. */
  patches: Record<string, unknown>[];
  /** It was there before the program, and stays as it is until it is replaced. */
  found?: FoundNode;
  /** Its machine runs its release already, by an upgrade in place that this update writes down. */
  upgraded?: true;
  /** Version of the kubelet, where it is not the release's. */
  kubelet?: string;
  /** It is put back by this update: its VM and its configuration stay as they are, and it is reached as it stands. */
  kept?: NodeTarget;
}

export interface AddonsPlan {
  driverAccess: boolean;
  nvidiaRuntimeClass: boolean;
  linstorHostDevices: string[];
  /** Rollouts that start in the cluster, or what Flux is told of it. */
  automation: boolean;
}

/** What the lifecycle steps have to know of a node. */
export interface NodeTarget extends Pick<
  NodePlan,
  'name' | 'role' | 'vmId' | 'uuid' | 'host' | 'address' | 'satellite'
> {
  /** Where the VM is called otherwise than the node. */
  vmName?: string;
}

export function targetOf({ name, role, vmId, uuid, host, address, satellite, found, kept }: NodePlan): NodeTarget {
  if (kept) return kept;
  const vmName = found?.vmName;
  return { name, role, vmId, uuid, host, address, satellite, ...(vmName !== undefined && { vmName }) };
}

/** Whether there is anything to be made: without it not even the provider is wanted, which talks to the API at once. */
export function wantsAddOns({ addons }: Pick<ClusterPlan, 'addons'>): boolean {
  const { driverAccess, nvidiaRuntimeClass, linstorHostDevices, automation } = addons;
  return driverAccess || nvidiaRuntimeClass || automation || linstorHostDevices.length > 0;
}

export interface ClusterPlan {
  templates: TemplatePlan[];
  /** Control planes first, then workers: the order in which nodes are replaced. */
  nodes: NodePlan[];
  controlPlanes: NodePlan[];
  /** The control plane that bootstraps etcd. */
  first: NodePlan;
  /** https://VIP:6443 */
  endpoint: string;
  addons: AddonsPlan;
}

/** Turns a valid configuration into the plan. */
export function planCluster(config: StackConfig): ClusterPlan {
  const nodes = Object.entries(config.nodes)
    .map(([name, node]) => planNode(config, name, node))
    .sort(replacementOrder);
  const controlPlanes = nodes.filter((node) => node.role === 'controlplane');
  const first = controlPlanes[0];
  if (!first) throw new Error('a cluster has at least one control plane; validate() lets no other configuration pass');
  const endpoint = `https://${config.cluster.vip}:6443`;
  return { templates: planTemplates(config), nodes, controlPlanes, first, endpoint, addons: planAddons(config) };
}

/** Control planes first (R000-1), then by VM id: stable under additions. */
export function replacementOrder(left: NodePlan, right: NodePlan): number {
  if (left.role !== right.role) return left.role === 'controlplane' ? -1 : 1;
  return left.vmId - right.vmId;
}

function planNode(config: StackConfig, name: string, node: NodeConfig): NodePlan {
  const slot = node.release ?? config.releases.active;
  const identity = identityOf(config, name);
  const hardware = hardwareOf(config, node);
  const found = foundNode(config, name);
  return {
    name,
    role: node.role,
    vmId: node.vmId,
    host: node.host,
    address: node.address,
    uuid: node.uuid ?? stableUuid(identity),
    variant: node.variant,
    slot,
    release: releaseOf(config, slot),
    template: templateKey(slot, node.host, node.variant),
    templateVmId: templateVmId(config, slot, node.host, node.variant),
    nics: planNics(config, name, node),
    pci: node.pci,
    hardware,
    satellite: config.linstor !== undefined && hardware.dataDisk !== undefined,
    bios: node.bios,
    startup: planStartup(node),
    onBoot: node.onBoot,
    tags: [...new Set([...ownTags(config, node), ...node.tags])].sort(),
    labels: node.labels,
    taints: node.taints,
    patches: node.patches,
    ...(found && { found }),
  };
}

/** The role's hardware with the node's overrides; a data disk of 0 is none. */
export function hardwareOf(config: Pick<StackConfig, 'roles'>, node: Pick<NodeConfig, 'role' | 'hardware'>): Hardware {
  const { dataDisk: ofRole, ...role } = config.roles[node.role];
  const { dataDisk = ofRole, ...own } = node.hardware;
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { ...role, ...given, ...(dataDisk !== undefined && dataDisk > 0 && { dataDisk }) };
}

/** The tags that the program itself gives a node. */
export function ownTags(
  { cluster }: { cluster: { name: string } },
  { role, variant }: Pick<NodeConfig, 'role' | 'variant'>,
): string[] {
  return ['prox-ops', cluster.name, role, variant];
}

/** Tags that say what only the program may say of a VM. */
export function reservedTags(...of: Parameters<typeof ownTags>): string[] {
  return [...ownTags(...of), 'template', 'controlplane', 'worker', 'standard', 'gpu'];
}

/** Control planes start first, so that workers find an API. */
function planStartup({ role, startup }: NodeConfig): StartupPlan {
  const { order = role === 'controlplane' ? 1 : 2, upDelay, downDelay } = startup;
  return { order, ...(upDelay !== undefined && { upDelay }), ...(downDelay !== undefined && { downDelay }) };
}

function planAddons({ addons, automation, nodes }: StackConfig): AddonsPlan {
  const hasGpu = Object.values(nodes).some(({ variant }) => variant === 'gpu');
  const nvidiaRuntimeClass = addons.nvidiaRuntimeClass ?? hasGpu;
  return { ...addons, nvidiaRuntimeClass, automation: Object.keys(automation).length > 0 };
}

/** What a node's made values are made from. Two clusters on one Proxmox must not share any. */
function identityOf({ cluster }: Pick<StackConfig, 'cluster'>, name: string): string {
  return `${cluster.name}/${name}`;
}

function releaseOf(config: StackConfig, slot: Slot): Release {
  const release = config.releases[slot];
  if (!release) throw new Error(`release slot ${slot} is empty; validate() lets no such configuration pass`);
  return release;
}

/**
 * The cluster's NIC, one for each network the node has an address on, in the order of their VLANs, then its trunk. The order
 * of the stack file would not do: Pulumi hands its configuration over with sorted keys, and a NIC that changes its place
 * changes its name in the machine.
 */
export function planNics(
  config: Pick<StackConfig, 'cluster' | 'proxmox' | 'networks'>,
  name: string,
  node: NodeConfig,
): NicPlan[] {
  const identity = identityOf(config, name);
  const bits = config.cluster.subnet.split('/')[1] ?? '24';
  const cluster: NicPlan = {
    bridge: config.proxmox.bridge,
    mac: node.mac ?? stableMac(`${identity}/cluster`),
    address: `${node.address}/${bits}`,
  };
  const bridge = config.proxmox.trunkBridge ?? config.proxmox.bridge;
  const networks = Object.entries(config.networks).sort(([, left], [, right]) => left.vlan - right.vlan);
  const others = networks.flatMap(([network, { vlan }]): NicPlan[] => {
    const address = node.networks[network];
    if (address === undefined) return [];
    return [{ bridge, mac: node.macs[network] ?? stableMac(`${identity}/${network}`), vlan, address, network }];
  });
  if (!node.trunk) return [cluster, ...others];
  const trunks = [...new Set(node.trunk.vlans)].sort((left, right) => left - right);
  // No network's name has a slash: the trunk's MAC is its own.
  return [cluster, ...others, { bridge, mac: node.macs.trunk ?? stableMac(`${identity}//trunk`), trunks }];
}

/** Templates of both filled slots, on the hosts that need the variant: the previous release stays bootable. */
function planTemplates(config: StackConfig): TemplatePlan[] {
  const needed = new Map<string, { host: string; variant: Variant }>();
  for (const node of Object.values(config.nodes))
    needed.set(`${node.host} ${node.variant}`, { host: node.host, variant: node.variant });
  return (['a', 'b'] as const).flatMap((slot) => {
    const release = config.releases[slot];
    if (!release) return [];
    return [...needed.values()]
      .map(({ host, variant }) => planTemplate(config, slot, release, host, variant))
      .sort((left, right) => left.vmId - right.vmId);
  });
}

function planTemplate(config: StackConfig, slot: Slot, release: Release, host: string, variant: Variant): TemplatePlan {
  const key = templateKey(slot, host, variant);
  const name = templateName(release.talos, variant, host);
  const kernelArgs = config.talos.kernelArgs[variant] ?? [];
  const found = foundTemplate(config, key, slot, variant);
  const vmId = templateVmId(config, slot, host, variant);
  return { key, slot, host, variant, vmId, name, release, kernelArgs, ...(found && { found }) };
}

/** VM name of a template that the program makes. */
export function templateName(talos: string, variant: Variant, host: string): string {
  return `talos-${talos.replaceAll('.', '-')}-${variant}-${host}`;
}

function templateKey(slot: Slot, host: string, variant: Variant): string {
  return `${slot}-${host}-${variant}`;
}

/** Two ids a host, in the order of `proxmox.hosts`: the standard variant's, then the GPU variant's; what was found has its own. */
function templateVmId(config: StackConfig, slot: Slot, host: string, variant: Variant): number {
  const found = foundTemplate(config, templateKey(slot, host, variant), slot, variant);
  if (found) return found.vmId;
  const position = config.proxmox.hosts.findIndex(({ name }) => name === host);
  return config.proxmox.templateIds[slot] + position * 2 + (variant === 'gpu' ? 1 : 0);
}

/** A UUID (version 8: made from a hash) that a node keeps for life. */
export function stableUuid(identity: string): string {
  const hex = createHash('sha256').update(`prox-ops uuid ${identity}`).digest('hex');
  const variantDigit = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variantDigit}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

/** A MAC with Proxmox' own prefix that a NIC keeps for life; upper case, or the provider sees a difference for ever. */
export function stableMac(identity: string): string {
  const hex = createHash('sha256').update(`prox-ops mac ${identity}`).digest('hex').toUpperCase();
  return `BC:24:11:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}

/** The installer image of a release: what an upgrade in place installs. */
export function installerImage({ talos }: Pick<StackConfig, 'talos'>, schematic: string, release: string): string {
  return `${new URL(talos.imageFactory).host}/nocloud-installer/${schematic}:${release}`;
}

/** A template's description: it names what it was made from, and a change of it is what replaces the VM. */
export function describeImage(talos: string, schematic: string): string {
  return `Talos ${talos}, schematic ${schematic}`;
}

/**
 * A node's: with whatever must not change on all machines at once. Another Kubernetes release would restart every API
 * server and kubelet at the same time, another boot configuration every machine.
 * @param boot of that part of the machine configuration that is read at boot alone; undefined for none.
 */
export function describeMachine({ talos, kubernetes }: Release, schematic: string, boot: string | undefined): string {
  const parts = [describeImage(talos, schematic), `Kubernetes ${kubernetes}`];
  return [...parts, ...(boot === undefined ? [] : [`boot configuration ${boot}`])].join(', ');
}

/** The Kubernetes release that a VM's description names; undefined where it names none. */
export function kubernetesInDescription(description: string): string | undefined {
  return /, Kubernetes (v[^\s,]+)/.exec(description)?.[1];
}

/** The Talos release that a VM's description names; undefined for a VM that is not ours. */
export function releaseInDescription(description: string): string | undefined {
  return /^Talos (v\S+), schematic /.exec(description)?.[1];
}
