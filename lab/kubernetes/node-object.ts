import { createHash } from 'node:crypto';
import type { V1Node, V1NodeCondition, V1Taint } from '@kubernetes/client-node';
import type { Inventory } from '../world/inventory.js';
import type { Machine } from '../world/world.js';
import { GPU_RESOURCE, KUBELET_PORT } from './names.js';

/** Where Talos notes which labels and taints of a Node came from its machine configuration. */
const OWNED_LABELS = 'talos.dev/owned-labels';
const OWNED_TAINTS = 'talos.dev/owned-taints';
const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';
const NVIDIA = '10de:';
const MIB = 2 ** 20;
/** What Talos keeps for the system: memory in MiB, processor in thousandths. */
const RESERVED = { memory: 512, cpu: 50 };

/**
 * The Node as a kubelet registers it, or as it and Talos bring an existing one up to date: what they own is set, and
 * everything else stays as it is. So a rebuilt machine finds itself cordoned if its namesake was.
 */
export function registeredNode(machine: Machine, existing?: V1Node): V1Node {
  const metadata = existing?.metadata ?? {};
  const labels = { ...metadata.labels };
  for (const label of names(metadata.annotations?.[OWNED_LABELS])) delete labels[label];
  const ownLabels = talosLabels(machine);
  const ownTaints = talosTaints(machine);
  const foreignTaints = withoutOwned(existing?.spec?.taints ?? [], metadata.annotations?.[OWNED_TAINTS], ownTaints);
  return {
    ...existing,
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      ...metadata,
      name: machine.node,
      labels: { ...labels, ...kubeletLabels(machine), ...ownLabels },
      annotations: {
        ...metadata.annotations,
        [OWNED_LABELS]: JSON.stringify(Object.keys(ownLabels).sort()),
        [OWNED_TAINTS]: JSON.stringify(ownTaints.map((taint) => taint.key)),
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
      },
    },
    spec: { ...existing?.spec, taints: [...foreignTaints, ...ownTaints] },
  };
}

/** A patch of the Node's status as the kubelet reports it first after a boot. Devices of plugins are not there yet. */
export function bootStatus(machine: Machine, inventory: Inventory, now: Date): object {
  const gpus = gpuCount(machine, inventory) > 0 ? { [GPU_RESOURCE]: '0' } : {};
  return {
    status: {
      ...identity(machine),
      capacity: { ...capacity(machine), ...gpus },
      allocatable: { ...allocatable(machine), ...gpus },
      conditions: notReadyYet(now),
      volumesInUse: null,
    },
  };
}

/** A patch of the Node's status when only the kubelet was started again. */
export function restartStatus(machine: Machine): object {
  return { status: identity(machine) };
}

/** A patch of the Node's status after the device plugin has told the kubelet of its devices. */
export function deviceStatus(gpus: number): object {
  const devices = { [GPU_RESOURCE]: String(gpus) };
  return { status: { capacity: devices, allocatable: devices } };
}

/** NVIDIA cards that are passed through to the machine. */
export function gpuCount(machine: Machine, inventory: Inventory): number {
  const devices = inventory.hosts.flatMap((host) => host.pci).filter((device) => device.id.startsWith(NVIDIA));
  const mappings = new Set(devices.map((device) => device.mapping));
  return machine.hardware.pci.filter((mapping) => mappings.has(mapping)).length;
}

function identity(machine: Machine): object {
  return {
    addresses: [
      { type: 'InternalIP', address: machine.address },
      { type: 'Hostname', address: machine.node },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: KUBELET_PORT } },
    nodeInfo: {
      architecture: 'amd64',
      operatingSystem: 'linux',
      osImage: `Talos (${machine.talosVersion})`,
      kernelVersion: '6.12.57-talos',
      containerRuntimeVersion: 'containerd://2.1.4',
      kubeletVersion: machine.kubelet,
      kubeProxyVersion: '',
      systemUUID: machine.uuid,
      bootID: machine.bootId,
      machineID: machineId(machine),
    },
  };
}

/** Made on the disk at the first boot, so a rebuilt machine has another one although its UUID stays. */
function machineId(machine: Machine): string {
  return createHash('sha256').update(`${machine.uuid} ${machine.generation}`).digest('hex').slice(0, 32);
}

function capacity(machine: Machine): Record<string, string> {
  return {
    cpu: String(machine.hardware.cores),
    memory: `${Math.floor(machine.hardware.memory / MIB)}Mi`,
    'ephemeral-storage': `${systemDisk(machine)}`,
    pods: '110',
  };
}

function allocatable(machine: Machine): Record<string, string> {
  return {
    cpu: `${machine.hardware.cores * 1000 - RESERVED.cpu}m`,
    memory: `${Math.floor(machine.hardware.memory / MIB) - RESERVED.memory}Mi`,
    'ephemeral-storage': `${Math.floor(systemDisk(machine) * 0.9)}`,
    pods: '110',
  };
}

function systemDisk(machine: Machine): number {
  const disks = machine.hardware.disks;
  return (disks.find((disk) => disk.content.image) ?? disks[0])?.bytes ?? 0;
}

function notReadyYet(now: Date): V1NodeCondition[] {
  const times = { lastHeartbeatTime: now, lastTransitionTime: now };
  return [
    {
      type: 'Ready',
      status: 'False',
      reason: 'KubeletNotReady',
      message: '[container runtime status check may not have completed yet, CSINode is not yet initialized]',
      ...times,
    },
  ];
}

function kubeletLabels(machine: Machine): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/os': 'linux',
    'kubernetes.io/hostname': machine.node,
  };
}

function talosLabels(machine: Machine): Record<string, string> {
  return { ...machine.nodeLabels, ...(machine.role === 'controlplane' ? { [CONTROL_PLANE]: '' } : {}) };
}

/** Talos writes them as KEY: VALUE:EFFECT, the value may be missing. */
function talosTaints(machine: Machine): V1Taint[] {
  const configured = Object.entries(machine.nodeTaints).map(([key, text]): V1Taint => {
    const [value, effect] = text.includes(':') ? (text.split(':') as [string, string]) : ['', text];
    return value === '' ? { key, effect } : { key, value, effect };
  });
  return machine.role === 'controlplane' ? [...configured, { key: CONTROL_PLANE, effect: 'NoSchedule' }] : configured;
}

function withoutOwned(taints: V1Taint[], annotation: string | undefined, own: V1Taint[]): V1Taint[] {
  const owned = new Set([...names(annotation), ...own.map((taint) => taint.key)]);
  return taints.filter((taint) => !owned.has(taint.key));
}

function names(annotation: string | undefined): string[] {
  return annotation === undefined ? [] : (JSON.parse(annotation) as string[]);
}
