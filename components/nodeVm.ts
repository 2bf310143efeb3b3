import type * as proxmox from '@muhlba91/pulumi-proxmoxve';
import type * as pulumi from '@pulumi/pulumi';
import { describeMachine, type NicPlan, type NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { bootConfiguration } from '../config/bootConfiguration';

/**
 * Changes of a VM that Proxmox takes over only with the power off. The node is replaced instead, in its turn: an update
 * in place would power off every node that the change is about at once, workloads and all.
 */
const NEEDS_POWER_OFF = [
  'agent',
  'bios',
  'bootOrders',
  'cpu',
  'efiDisk',
  'hostpcis',
  'initialization',
  'machine',
  'memory',
  'operatingSystem',
  'scsiHardware',
  'serialDevices',
  'smbios',
  'vga',
];

/** The machine's configuration finds the NIC of the cluster by its MAC: changed as it runs, nobody would reach it any more. */
const CUTS_OFF = ['networkDevices[0].bridge', 'networkDevices[0].macAddress'];

/** A node's VM. Pure: the plan's ids, addresses and MACs in the provider's terms. */
export function nodeVmArgs(
  config: StackConfig,
  node: NodePlan,
  schematic: pulumi.Output<string>,
  templateVmId: pulumi.Output<number>,
): proxmox.VmLegacyArgs {
  const { storage, cpuType } = config.proxmox;
  const { cores, sockets, memory } = node.hardware;
  return {
    vmId: node.vmId,
    name: node.found?.vmName ?? node.name,
    nodeName: node.host,
    // A VM that somebody moved to another host by hand is moved back, running. Without this it would be replaced.
    migrate: true,
    description: schematic.apply((id) => describeMachine(node.release, id, bootConfiguration(config, node))),
    tags: node.tags,
    // One attempt: with two, "already exists" counts as done and a foreign VM would be taken over.
    clone: { vmId: templateVmId, full: true, datastoreId: storage, retries: 1 },
    machine: 'q35',
    bios: node.bios,
    ...(node.bios === 'ovmf' && { efiDisk: { datastoreId: storage, type: '4m', preEnrolledKeys: false } }),
    scsiHardware: 'virtio-scsi-single',
    bootOrders: ['scsi0'],
    cpu: { cores, sockets, type: cpuType },
    memory: { dedicated: memory },
    operatingSystem: { type: 'l26' },
    serialDevices: [{ device: 'socket' }],
    vga: { type: 'serial0' },
    cdrom: { fileId: 'none', interface: 'ide3' },
    smbios: { uuid: node.uuid },
    ...(hasAgent(config, node) && { agent: AGENT }),
    onBoot: node.onBoot,
    started: true,
    startup: node.startup,
    // A protected VM is powered off before Proxmox refuses its deletion.
    protection: false,
    // The guest has left the cluster before its VM goes, and Proxmox would wait for an agent that is gone.
    stopOnDestroy: true,
    // What needs the power off is a replacement; whatever else might ask for it waits for one.
    rebootAfterUpdate: false,
    networkDevices: node.nics.map(networkDevice),
    disks: disks(config, node),
    hostpcis: node.pci.map((mapping, index) => ({ device: `hostpci${index}`, mapping, pcie: true, rombar: true })),
    // The address is there in maintenance mode already: nobody has to look a new machine up.
    initialization: {
      datastoreId: storage,
      ipConfigs: [{ ipv4: { address: node.nics[0]?.address ?? node.address, gateway: config.cluster.gateway } }],
    },
  };
}

/**
 * Property paths whose change replaces the VM. The description names releases, schematic and what of the configuration
 * needs a reboot: any of them replaces it, even when the template id is the same. Removing a data disk in place would take
 * its replicas with it, so that is a replacement, whose evacuation saves them; a disk that grows is larger at once.
 */
export function replacingPaths({ hardware, found, upgraded }: NodePlan): string[] {
  // A machine that was there before the program differs in what it was made with, and stays so until a release replaces it.
  if (found) return upgraded === true ? [] : ['description'];
  const dataDisk = hardware.dataDisk === undefined ? 'disks[1]' : 'disks[1].datastoreId';
  const image = upgraded === true ? [] : ['description'];
  return [...image, ...NEEDS_POWER_OFF, ...CUTS_OFF, 'disks[0].datastoreId', dataDisk];
}

/** Paths in which the provider sees a difference for ever (pulumi-proxmoxve #664), and what an adopted machine keeps. */
export function ignoredPaths({ hardware, found, kept }: NodePlan): string[] {
  const speeds = ['disks[0].speed', ...(hardware.dataDisk === undefined ? [] : ['disks[1].speed'])];
  const seen = [...speeds, ...(found?.keep ?? [])];
  // The engine knows the star and the provider does not: it would see those differences, and the VM be updated for nothing.
  return kept ? ['*', ...seen] : seen;
}

/**
 * The agent answers only once the machine has its configuration, which it gets after its VM: nothing may wait for it,
 * or the creation and every refresh would last until the timeout.
 */
const AGENT = { enabled: true, trim: true, timeout: '5s', waitForIp: { disabled: true } };

/** The agent is a system extension: without it in the schematic, every shutdown would wait for an agent that isn't there. */
function hasAgent(config: StackConfig, { variant }: NodePlan): boolean {
  return config.talos.extensions[variant].includes('siderolabs/qemu-guest-agent');
}

function networkDevice({ bridge, mac, vlan, trunks }: NicPlan): proxmox.types.input.VmLegacyNetworkDevice {
  return {
    bridge,
    macAddress: mac,
    ...(vlan !== undefined && { vlanId: vlan }),
    ...(trunks !== undefined && trunks.length > 0 && { trunks: trunks.join(';') }),
  };
}

function disks({ proxmox: { storage, dataStorage } }: StackConfig, { hardware }: NodePlan) {
  const common = { iothread: true, discard: 'on', ssd: true };
  const system = { interface: 'scsi0', datastoreId: storage, size: hardware.disk, ...common };
  if (hardware.dataDisk === undefined) return [system];
  return [system, { interface: 'scsi1', datastoreId: dataStorage, size: hardware.dataDisk, ...common }];
}
