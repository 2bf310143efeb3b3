import { z } from 'zod';
import { cidr, dnsLabel, ipv4, text, vlanId } from './scalars';

export const cluster = z
  .strictObject({
    name: dnsLabel.describe('Name of the cluster, also the first part of its VMs’ identities. It never changes.'),
    vip: ipv4.describe('Shared virtual address of the control planes; the Kubernetes endpoint is https://VIP:6443.'),
    subnet: cidr.describe('Network of the first NIC of every node, in CIDR notation.'),
    gateway: ipv4.describe('Default gateway, in the subnet.'),
    nameservers: z.array(ipv4).min(1).describe('DNS servers, in order of preference.'),
    timeServers: z.array(text).min(1).describe('NTP servers, as names or addresses.'),
    podSubnets: z.array(cidr).min(1).default(['10.42.0.0/16']).describe('Addresses of pods.'),
    serviceSubnets: z.array(cidr).min(1).default(['10.43.0.0/16']).describe('Addresses of services.'),
    cni: z
      .enum(['flannel', 'none'])
      .default('flannel')
      .describe('`none` leaves the network to Cilium, installed by Flux; kube-proxy is then off.'),
  })
  .describe('The cluster as a whole.');

export const networks = z
  .record(
    dnsLabel,
    z.strictObject({
      vlan: vlanId.describe('VLAN tag, on proxmox.trunkBridge.'),
      subnet: cidr.describe('Network in CIDR notation.'),
    }),
  )
  .default({})
  .describe('Further networks, by name. A node has a NIC on each network that it has an address on.');

export const addons = z
  .strictObject({
    driverAccess: z
      .boolean()
      .default(true)
      .describe('Namespace and least-privilege RBAC for running the driver inside the cluster.'),
    nvidiaRuntimeClass: z
      .boolean()
      .optional()
      .describe('RuntimeClass `nvidia` for pods with a GPU. Default: when a node of variant gpu exists.'),
    linstorHostDevices: z
      .array(z.string().regex(/^\/dev\/\S+$/, 'expected a device path like /dev/sdb'))
      .default([])
      .describe('Host devices that Piraeus satellites keep (`source.hostDevices`).'),
  })
  .describe('Objects in Kubernetes that the cluster needs before Flux takes over.');
