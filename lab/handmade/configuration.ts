import { stringify } from 'yaml';
import type { Hardware } from '../world/world.js';
import type { HandmadeNode, HandmadeSpec } from './spec.js';

/** A node's own patch, in the manner of talhelper: hardware addresses, static addresses, its own installer. */
export function nodePatch(spec: HandmadeSpec, node: HandmadeNode, hardware: Hardware, installer: string): string {
  const bits = spec.subnet.split('/')[1] ?? '24';
  const addresses = [`${node.address}/${bits}`, ...(node.networks ?? []).map(({ address }) => address)];
  const interfaces = hardware.nics.map(({ mac }, index) => ({
    deviceSelector: { hardwareAddr: mac.toLowerCase() },
    dhcp: false,
    addresses: [addresses[index]],
    mtu: 1500,
    ...(index === 0 && { routes: [{ network: '0.0.0.0/0', gateway: spec.gateway }] }),
    ...(index === 0 && node.role === 'controlplane' && { vip: { ip: spec.vip } }),
  }));
  const labels = Object.keys(node.labels ?? {}).length > 0 ? { nodeLabels: node.labels } : {};
  return stringify({
    machine: {
      ...labels,
      install: { disk: '/dev/sda', image: installer },
      network: { hostname: node.name, nameservers: ['1.1.1.1', '1.0.0.1'], interfaces },
      time: { servers: ['162.159.200.1', '162.159.200.123'] },
      sysctls: { 'vm.max_map_count': '262144' },
    },
    cluster: {
      allowSchedulingOnControlPlanes: false,
      network: { cni: { name: 'none' }, podSubnets: ['10.42.0.0/16'], serviceSubnets: ['10.43.0.0/16'] },
      proxy: { disabled: true },
    },
  });
}
