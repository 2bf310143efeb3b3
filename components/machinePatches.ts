import semver from 'semver';
import { stringify } from 'yaml';
import type { NodePlan } from '../config/plan';
import type { StackConfig } from '../config/schema';

/**
 * Machine configuration patches, pure. The order is fixed, later ones win: cluster, role, variant, node.
 * docs/architecture.md describes it.
 */
export function machinePatches(config: StackConfig, node: NodePlan, installer: string): string[] {
  const patches = [clusterPatch(config), rolePatch(config, node), variantPatch(config, node), nodePatch(config, node)];
  // Talos takes an empty patch for a JSON patch and refuses it.
  const filled = patches.filter((patch) => Object.keys(patch).length > 0);
  return [...filled, installPatch(installer), ...hostnamePatch(node)].map((patch) => stringify(patch));
}

function clusterPatch(config: StackConfig): object {
  const { cluster } = config;
  return {
    machine: {
      network: { nameservers: cluster.nameservers, disableSearchDomain: true },
      time: { servers: cluster.timeServers },
      // The kubelet's address must not wander to one of the VLANs.
      kubelet: { nodeIP: { validSubnets: [cluster.subnet] } },
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

function variantPatch(config: StackConfig, node: NodePlan): object {
  const drbd = [{ name: 'drbd', parameters: ['usermode_helper=disabled'] }, { name: 'drbd_transport_tcp' }];
  const nvidia = ['nvidia', 'nvidia_uvm', 'nvidia_drm', 'nvidia_modeset'].map((name) => ({ name }));
  const modules = [...(runsSatellite(config, node) ? drbd : []), ...(node.variant === 'gpu' ? nvidia : [])];
  return modules.length === 0 ? {} : { machine: { kernel: { modules } } };
}

/** Whether the node has disks for LINSTOR, and so a satellite. */
export function runsSatellite(config: StackConfig, node: Pick<NodePlan, 'role'>): boolean {
  return config.linstor !== undefined && config.roles[node.role].dataDisk !== undefined;
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

/** The hostname is a document of its own from Talos 1.12 on, which refuses the old place; older releases know only that. */
function hostnamePatch(node: NodePlan): object[] {
  if (semver.lt(node.release.talos, '1.12.0-alpha.0')) return [{ machine: { network: { hostname: node.name } } }];
  return [{ apiVersion: 'v1alpha1', kind: 'HostnameConfig', hostname: node.name, auto: 'off' }];
}
