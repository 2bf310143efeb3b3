import { z } from 'zod';

/**
 * The stack file's shape. Durations are seconds, memory is MiB, disks are GiB, addresses are IPv4.
 * One key of the file (`prox-ops:cluster`, `prox-ops:nodes` ...) is one property here.
 */

const ipv4 = z.ipv4();
const cidr = z.cidrv4();
const mac = z
  .string()
  .regex(/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/, 'expected a MAC address in upper case, like BC:24:11:AF:26:D4');
const version = z.string().regex(/^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$/, 'expected a pinned version like v1.12.0');
const dnsLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected a DNS label: lower-case letters, digits and hyphens');
const seconds = z.number().int().positive();
const slot = z.enum(['a', 'b']);

const cluster = z.strictObject({
  name: dnsLabel,
  /** Shared virtual address of the control planes; the Kubernetes endpoint is https://VIP:6443. */
  vip: ipv4,
  subnet: cidr,
  gateway: ipv4,
  nameservers: z.array(ipv4).min(1),
  timeServers: z.array(z.string().min(1)).min(1),
  podSubnets: z.array(cidr).min(1).default(['10.42.0.0/16']),
  serviceSubnets: z.array(cidr).min(1).default(['10.43.0.0/16']),
  /** `none` leaves the network to Cilium, installed by Flux; kube-proxy is then off. */
  cni: z.enum(['flannel', 'none']).default('flannel'),
});

const proxmox = z.strictObject({
  /** API of any host of the Proxmox cluster. */
  endpoint: z.url({ protocol: /^https$/ }),
  /** In a fixed order: template ids count along it. Append, never insert. */
  hosts: z.array(z.string().min(1)).min(1),
  bridge: z.string().min(1),
  /** Bridge of the second and third NICs. */
  trunkBridge: z.string().min(1).optional(),
  /** System disks and templates. */
  storage: z.string().min(1),
  /** Data disks, for LINSTOR. */
  dataStorage: z.string().min(1),
  /** Imported images; needs content type `import`. */
  imageStorage: z.string().min(1),
  /** First VM id of each template slot; a slot takes two ids a host. */
  templateIds: z.strictObject({ a: z.number().int().min(100), b: z.number().int().min(100) }),
  cpuType: z.string().min(1).default('host'),
});

const talos = z.strictObject({
  imageFactory: z.url().default('https://factory.talos.dev'),
  /** System extensions of each variant. */
  extensions: z.strictObject({ standard: z.array(z.string()), gpu: z.array(z.string()) }),
});

const release = z.strictObject({ talos: version, kubernetes: version });

const releases = z.strictObject({
  /** The slot new nodes are cloned from; the other one stays bootable for a rollback. */
  active: slot,
  a: release.optional(),
  b: release.optional(),
});

const hardware = z.strictObject({
  cores: z.number().int().positive(),
  sockets: z.number().int().positive().default(1),
  memory: z.number().int().min(2048),
  disk: z.number().int().min(10),
  /** A data disk for LINSTOR. */
  dataDisk: z.number().int().min(1).optional(),
});

const node = z.strictObject({
  role: z.enum(['controlplane', 'worker']),
  vmId: z.number().int().min(100).max(999_999_999),
  host: z.string().min(1),
  address: ipv4,
  variant: z.enum(['standard', 'gpu']).default('standard'),
  /** PCI mappings passed through, by name. */
  pci: z.array(z.string().min(1)).default([]),
  /** Addresses on the named networks, in CIDR notation. */
  networks: z.record(z.string(), cidr).default({}),
  mac: mac.optional(),
  /** Overrides the active release, after a rollback of this node. */
  release: slot.optional(),
  labels: z.record(z.string(), z.string()).default({}),
  taints: z.record(z.string(), z.string()).default({}),
});

const network = z.strictObject({ vlan: z.number().int().min(1).max(4094), subnet: cidr });

const linstor = z.strictObject({
  /** Absent: found in the cluster by namespace and selector. */
  url: z.url().optional(),
  guardEnabled: z.boolean().default(true),
  namespace: z.string().default('piraeus-datastore'),
  controllerSelector: z.string().default('app.kubernetes.io/component=linstor-controller'),
  storagePool: z.string().default('lvm-thick'),
  evacuationTimeout: seconds.default(45 * 60),
  settleTimeout: seconds.default(30 * 60),
});

const rollout = z.strictObject({
  drainTimeout: seconds.default(300),
  drainAttempts: z.number().int().min(1).default(3),
  deleteEmptyDirData: z.boolean().default(true),
  evictUnmanagedPods: z.boolean().default(false),
  nodeReadyTimeout: seconds.default(600),
  etcdTimeout: seconds.default(600),
  snapshotDirectory: z.string().min(1).default('.prox-ops/snapshots'),
  healthTimeout: seconds.default(300),
  healthCheckTimeout: seconds.default(30),
  healthPasses: z.number().int().min(1).default(2),
  healthTries: z.number().int().min(1).default(3),
  maxRemediations: z.number().int().min(0).default(2),
  rebootMode: z.enum(['default', 'powercycle', 'force']).default('powercycle'),
  leaseNamespace: z.string().default('kube-system'),
});

/** Everything but the rules across fields, which rules.ts adds. */
export const stackShape = z.strictObject({
  cluster,
  proxmox,
  talos,
  releases,
  roles: z.strictObject({ controlplane: hardware, worker: hardware }),
  networks: z.record(z.string(), network).default({}),
  nodes: z.record(dnsLabel, node),
  linstor: linstor.optional(),
  rollout: rollout.prefault({}),
});

export type StackConfig = z.infer<typeof stackShape>;
export type NodeConfig = StackConfig['nodes'][string];
export type Release = z.infer<typeof release>;
export type Slot = z.infer<typeof slot>;
export type Variant = NodeConfig['variant'];

/** The keys of the stack file, without their namespace. */
export const STACK_KEYS = Object.keys(stackShape.shape) as (keyof StackConfig)[];
