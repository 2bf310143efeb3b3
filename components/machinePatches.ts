import semver from 'semver';
import { stringify } from 'yaml';
import type { NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';

/**
 * Machine configuration patches, pure. The order is fixed, later ones win: cluster, role, variant, node, each followed by
 * the stack file's own; installer image and hostname come last, and are nobody else's. docs/architecture.md describes it.
 */
export function machinePatches(config: StackConfig, node: NodePlan, installer: string): string[] {
  const own = config.talos.patches;
  const patches = [
    clusterPatch(config),
    ...own.cluster,
    rolePatch(config, node),
    ...own[node.role],
    variantPatch(config, node),
    ...own[node.variant],
    nodePatch(config, node),
    ...node.patches,
    installPatch(installer),
    kubeletPatch(node),
    ...hostnamePatch(node),
  ];
  // Talos takes an empty patch for a JSON patch and refuses it.
  return patches.filter((patch) => Object.keys(patch).length > 0).map((patch) => stringify(patch));
}

function clusterPatch({ cluster, talos }: StackConfig): object {
  const { extraArgs } = talos.kubelet;
  const mirrors = Object.entries(talos.registryMirrors).map(([registry, endpoints]) => [registry, { endpoints }]);
  return {
    machine: {
      network: { nameservers: cluster.nameservers, disableSearchDomain: true },
      time: { servers: cluster.timeServers },
      kubelet: {
        // The kubelet's address must not wander to one of the VLANs.
        nodeIP: { validSubnets: [cluster.subnet] },
        ...(Object.keys(extraArgs).length > 0 && { extraArgs }),
      },
      ...(mirrors.length > 0 && { registries: { mirrors: Object.fromEntries(mirrors) as object } }),
      features: { kubePrism: { enabled: true, port: 7445 } },
    },
    cluster: {
      network: {
        cni: { name: cluster.cni },
        podSubnets: cluster.podSubnets,
        serviceSubnets: cluster.serviceSubnets,
      },
      proxy: { disabled: cluster.cni === 'none' },
    },
  };
}

function rolePatch(config: StackConfig, node: NodePlan): object {
  if (node.role === 'worker') return {};
  return {
    cluster: {
      allowSchedulingOnControlPlanes: false,
      apiServer: { certSANs: [config.cluster.vip] },
      etcd: { advertisedSubnets: [config.cluster.subnet] },
    },
  };
}

/** Kernel modules are one list, so they are all here: a list of another patch would be added to it, not replace it. */
function variantPatch(config: StackConfig, node: NodePlan): object {
  const drbd = [{ name: 'drbd', parameters: ['usermode_helper=disabled'] }, { name: 'drbd_transport_tcp' }];
  const nvidia = ['nvidia', 'nvidia_uvm', 'nvidia_drm', 'nvidia_modeset'].map((name) => ({ name }));
  const others = config.talos.kernelModules.map(({ name, parameters }) => ({
    name,
    ...(parameters.length > 0 && { parameters }),
  }));
  const modules = [...(node.satellite ? drbd : []), ...(node.variant === 'gpu' ? nvidia : []), ...others];
  return modules.length === 0 ? {} : { machine: { kernel: { modules } } };
}

function nodePatch(config: StackConfig, node: NodePlan): object {
  const interfaces = node.nics.map((nic, index) => ({
    // Talos compares hardware addresses in lower case.
    deviceSelector: { hardwareAddr: nic.mac.toLowerCase() },
    dhcp: false,
    // A trunk has none: its VLANs belong to the pods on it.
    addresses: nic.address === undefined ? [] : [nic.address],
    ...(index === 0 ? { routes: [{ network: '0.0.0.0/0', gateway: config.cluster.gateway }] } : {}),
    ...(index === 0 && node.role === 'controlplane' ? { vip: { ip: config.cluster.vip } } : {}),
  }));
  return {
    machine: {
      network: { interfaces },
      ...(Object.keys(node.labels).length > 0 ? { nodeLabels: node.labels } : {}),
      ...(Object.keys(node.taints).length > 0 ? { nodeTaints: node.taints } : {}),
    },
  };
}

function installPatch(installer: string): object {
  return { machine: { install: { disk: '/dev/sda', image: installer } } };
}

/** Talos' own image of the kubelet, in the version that the machine is to keep. */
function kubeletPatch({ kubelet }: NodePlan): object {
  return kubelet === undefined ? {} : { machine: { kubelet: { image: `ghcr.io/siderolabs/kubelet:${kubelet}` } } };
}

/** The hostname is a document of its own from Talos 1.12 on, which refuses the old place; older releases know only that. */
function hostnamePatch(node: NodePlan): object[] {
  if (semver.lt(node.release.talos, '1.12.0-alpha.0')) return [{ machine: { network: { hostname: node.name } } }];
  return [{ apiVersion: 'v1alpha1', kind: 'HostnameConfig', hostname: node.name, auto: 'off' }];
}
