import { z } from 'zod';
import { cidr, dnsLabel, flag, form, ipv4, oneOf, text, vlanId } from './scalars';

/** Kubernetes wants a second subnet to be of another family, and this program knows IPv4 alone. */
const oneSubnet = z.array(cidr).length(1, { error: 'expected one IPv4 network' });

export const cluster = z
  .strictObject({
    name: dnsLabel.describe(
      'Name of the cluster, also what the UUIDs and MACs of its VMs are made from. It never changes.',
    ),
    vip: ipv4.describe('Shared virtual address of the control planes; the Kubernetes endpoint is https://VIP:6443.'),
    subnet: cidr.describe('Network of the first NIC of every node, in CIDR notation.'),
    gateway: ipv4.describe('Default gateway, in the subnet.'),
    nameservers: z.array(ipv4).min(1).describe('DNS servers, in order of preference.'),
    timeServers: z.array(text).min(1).describe('NTP servers, as names or addresses.'),
    podSubnets: oneSubnet.default(['10.42.0.0/16']).describe('Addresses of pods.'),
    serviceSubnets: oneSubnet.default(['10.43.0.0/16']).describe('Addresses of services.'),
    cni: oneOf('flannel', 'none')
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
  .describe(
    'Further networks, by name. A node has a NIC on each network that it has an address on, in the order of their VLANs.',
  );

export const addons = z
  .strictObject({
    driverAccess: flag
      .default(true)
      .describe('Namespace and least-privilege RBAC for running the driver inside the cluster.'),
    nvidiaRuntimeClass: flag
      .optional()
      .describe('RuntimeClass `nvidia` for pods with a GPU. Default: when a node of variant gpu exists.'),
    linstorHostDevices: z
      .array(form(/^\/dev\/\S+$/, 'a device path like /dev/sdb'))
      .default([])
      .describe('Host devices that Piraeus satellites keep (`source.hostDevices`).'),
  })
  .describe('Objects in Kubernetes that the cluster needs before Flux takes over.');
