import type { HandmadeSpec } from '../../lab/handmade/spec';
import type { LabNetwork } from '../../lab/world/network';

/** A cluster as somebody made it who did not know the program: odd names, a GPU, firmware and sizes of their own. */
export function handmadeSpec(network: LabNetwork): HandmadeSpec {
  const address = (last: number): string => network.map(`10.20.67.${last}`);
  const vlans = (last: number) => [
    { vlan: 62, address: network.map(`10.20.62.${last}/23`) },
    { vlan: 81, address: network.map(`10.20.81.${last}/24`) },
  ];
  const host = ['baldar', 'heimdall', 'odin'];
  return {
    clusterName: 'kubernetes',
    vip: address(20),
    subnet: network.map('10.20.66.0/23'),
    gateway: network.map('10.20.66.1'),
    talos: 'v1.11.3',
    kubernetes: 'v1.34.1',
    extensions: {
      standard: ['siderolabs/drbd', 'siderolabs/qemu-guest-agent'],
      gpu: [
        'siderolabs/drbd',
        'siderolabs/nonfree-kmod-nvidia-production',
        'siderolabs/nvidia-container-toolkit-production',
        'siderolabs/qemu-guest-agent',
      ],
    },
    nodes: [
      ...[1, 2, 3].map((number) => ({
        name: `k8s-ctrl-${number}`,
        role: 'controlplane' as const,
        vmid: 8000 + number,
        host: host[number - 1] ?? '',
        address: address(number),
      })),
      worker('k8s-work-1', 8004, 'thor', address(4), vlans(4), { vmName: 'Talos-Worker.01' }),
      worker('k8s-work-2', 8020, 'baldar', address(5), vlans(5), { memory: 65_536, disk: 120 }),
      worker('k8s-work-4', 8007, 'thor', address(7), vlans(7), {
        gpu: 'thor-gpu',
        labels: { 'nvidia.com/gpu.present': 'true' },
      }),
    ],
    templates: [
      { vmid: 9000, name: 'talos-1.11.3-base-baldar', host: 'baldar' },
      { vmid: 9002, name: 'talos-1.11.3-base-heimdall', host: 'heimdall' },
      { vmid: 9004, name: 'talos-1.11.3-base-odin', host: 'odin' },
      { vmid: 9906, name: 'Talos.base.thor', host: 'thor' },
      { vmid: 9007, name: 'talos-1.11.3-gpu-thor', host: 'thor', gpu: true },
    ],
  };
}

function worker(
  name: string,
  vmid: number,
  host: string,
  address: string,
  networks: { vlan: number; address: string }[],
  more: Partial<HandmadeSpec['nodes'][number]>,
): HandmadeSpec['nodes'][number] {
  return { name, role: 'worker', vmid, host, address, networks, cores: 16, memory: 32_768, dataDisk: 200, ...more };
}
