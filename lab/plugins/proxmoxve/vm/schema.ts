import { block, bool, list, number, string } from '../../protocol/schema.js';
import type { Property, Schema } from '../../protocol/schema.js';
import { items, maps, text } from '../../protocol/read-value.js';
import { equal } from '../../protocol/values.js';
import type { PropertyMap, Value } from '../../protocol/values.js';

/** Default of the agent block; a template and a clone that say nothing get it, too. */
const AGENT: PropertyMap = { enabled: false, timeout: '15m', trim: false, type: 'virtio' };

/**
 * Trap, copied (pulumi-proxmoxve #664): every disk without limits is given this block as an input, no read ever
 * returns it, and so every disk differs on `speed` for ever.
 */
const NO_LIMITS: PropertyMap = {
  iopsRead: 0,
  iopsReadBurstable: 0,
  iopsWrite: 0,
  iopsWriteBurstable: 0,
  read: 0,
  readBurstable: 0,
  write: 0,
  writeBurstable: 0,
};

const limit = number({ default: 0 });

const disk = block({
  aio: string({ default: 'io_uring', oneOf: ['io_uring', 'native', 'threads'] }),
  backup: bool({ default: true }),
  cache: string({ default: 'none', oneOf: ['none', 'writethrough', 'writeback', 'unsafe', 'directsync'] }),
  datastoreId: string({ default: 'local-lvm' }),
  discard: string({ default: 'ignore' }),
  fileFormat: string({ computed: true }),
  fileId: string({ default: '', replace: true }),
  importFrom: string({ default: '' }),
  interface: string({ required: true }),
  iothread: bool({ default: false }),
  pathInDatastore: string({ computed: true }),
  queues: number({ default: 0 }),
  replicate: bool({ default: true }),
  serial: string({ default: '' }),
  size: number({ computed: true, default: 8 }),
  speed: block(Object.fromEntries(Object.keys(NO_LIMITS).map((name) => [name, limit])), { default: NO_LIMITS }),
  ssd: bool({ default: false }),
});

const networkDevice = block({
  bridge: string({ default: 'vmbr0' }),
  disconnected: bool(),
  enabled: bool({ default: true }),
  firewall: bool({ default: false }),
  macAddress: string({ computed: true }),
  model: string({ default: 'virtio', oneOf: ['e1000', 'e1000e', 'rtl8139', 'virtio', 'vmxnet3'] }),
  mtu: number({ default: 0 }),
  queues: number({ default: 0 }),
  rateLimit: number({ default: 0 }),
  trunks: string(),
  vlanId: number({ default: 0 }),
});

const address = block({ address: string(), gateway: string() });

const initialization = block({
  datastoreId: string({ default: 'local-lvm' }),
  dns: block({ domain: string(), servers: list(string()) }),
  fileFormat: string({ computed: true }),
  interface: string({ same: (_, planned) => text(planned) === '' }),
  ipConfigs: list(block({ ipv4: address, ipv6: address })),
  metaDataFileId: string({ computed: true, replace: true }),
  networkDataFileId: string({ computed: true, replace: true }),
  type: string({ computed: true, replace: true }),
  upgrade: bool({ computed: true }),
  userAccount: block({
    keys: list(string()),
    password: string({ secret: true, same: (old) => /^\*+$/.test(text(old)) }),
    username: string(),
  }),
  userDataFileId: string({ computed: true, replace: true }),
  vendorDataFileId: string({ computed: true, replace: true }),
});

const hostpci = block({
  device: string({ required: true }),
  id: string(),
  mapping: string(),
  mdev: string(),
  pcie: bool(),
  romFile: string(),
  rombar: bool(),
  xvga: bool(),
});

const replaced = { replace: true } as const;

const blocks: Schema = {
  agent: block(
    {
      enabled: bool({ default: false }),
      timeout: string({ default: '15m' }),
      trim: bool({ default: false }),
      type: string({ default: 'virtio', oneOf: ['virtio', 'isa'] }),
      waitForIp: block({ disabled: bool({ default: false }), ipv4: bool(), ipv6: bool() }),
    },
    { default: AGENT },
  ),
  cdrom: block(
    { enabled: bool(), fileId: string({ default: '' }), interface: string({ default: 'ide3' }) },
    { default: { enabled: false, fileId: '', interface: 'ide3' } },
  ),
  clone: block({
    datastoreId: string(replaced),
    full: bool({ default: true, ...replaced }),
    nodeName: string(replaced),
    retries: number({ default: 1, ...replaced }),
    vmId: number({ required: true, ...replaced }),
  }),
  cpu: block(
    {
      affinity: string(),
      architecture: string(),
      cores: number({ default: 1 }),
      flags: list(string()),
      hotplugged: number({ default: 0 }),
      limit: number({ default: 0 }),
      numa: bool({ default: false }),
      sockets: number({ default: 1 }),
      type: string({ default: 'qemu64' }),
      units: number({ computed: true }),
    },
    { default: { cores: 1, flags: [], hotplugged: 0, limit: 0, numa: false, sockets: 1, type: 'qemu64' } },
  ),
  disks: list(disk, { same: sameInAnyOrder }),
  efiDisk: block({
    datastoreId: string({ default: 'local-lvm' }),
    fileFormat: string({ computed: true }),
    preEnrolledKeys: bool({ default: false, ...replaced }),
    type: string({ default: '2m', oneOf: ['2m', '4m'], ...replaced }),
  }),
  hostpcis: list(hostpci),
  initialization,
  memory: block(
    {
      dedicated: number({ default: 512 }),
      floating: number({ default: 0 }),
      hugepages: string({ oneOf: ['2', '1024', 'any'] }),
      keepHugepages: bool({ default: false }),
      shared: number({ default: 0 }),
    },
    { default: { dedicated: 512, floating: 0, hugepages: '', keepHugepages: false, shared: 0 } },
  ),
  networkDevices: list(networkDevice, { computed: true }),
  operatingSystem: block({ type: string({ default: 'other' }) }, { default: { type: 'other' } }),
  serialDevices: list(block({ device: string({ default: 'socket' }) }), { default: [{ device: 'socket' }] }),
  smbios: block({
    family: string(),
    manufacturer: string(),
    product: string(),
    serial: string(),
    sku: string(),
    uuid: string({ computed: true }),
    version: string(),
  }),
  startup: block({
    downDelay: number({ default: -1 }),
    order: number({ default: -1 }),
    upDelay: number({ default: -1 }),
  }),
  tpmState: block({
    datastoreId: string({ default: 'local-lvm' }),
    version: string({ default: 'v2.0', oneOf: ['v1.2', 'v2.0'], ...replaced }),
  }),
  vga: block(
    { clipboard: string(), memory: number({ default: 16 }), type: string({ default: 'std' }) },
    { computed: true },
  ),
};

const seconds = (value: number): Property => number({ default: value });

/** proxmoxve:index/vmLegacy:VmLegacy. `name` is filled in from the resource's own name when none is given. */
export const VM_SCHEMA: Schema = {
  ...blocks,
  acpi: bool({ default: true }),
  bios: string({ default: 'seabios', oneOf: ['seabios', 'ovmf'] }),
  bootOrders: list(string(), { computed: true }),
  deleteUnreferencedDisksOnDestroy: bool({ default: true }),
  description: string({ default: '' }),
  hotplug: string({ computed: true, same: sameParts }),
  ipv4Addresses: list(list(string()), { outputOnly: true }),
  ipv6Addresses: list(list(string()), { outputOnly: true }),
  keyboardLayout: string({ default: 'en-us' }),
  kvmArguments: string({ default: '' }),
  macAddresses: list(string(), { computed: true }),
  machine: string({ default: '' }),
  migrate: bool({ default: false }),
  name: string({ default: '' }),
  networkInterfaceNames: list(string(), { outputOnly: true }),
  nodeName: string({ required: true }),
  onBoot: bool({ default: true }),
  poolId: string({ default: '', same: (old, planned) => text(planned) === '' && text(old) !== '' }),
  protection: bool({ default: false }),
  purgeOnDestroy: bool({ default: true }),
  reboot: bool({ default: false }),
  rebootAfterUpdate: bool({ default: true }),
  scsiHardware: string({ default: 'virtio-scsi-pci' }),
  started: bool({ default: true }),
  stopOnDestroy: bool({ default: false }),
  tabletDevice: bool({ default: true }),
  tags: list(string(), { same: sameTags }),
  template: bool({ default: false }),
  timeoutClone: seconds(1800),
  timeoutCreate: seconds(1800),
  timeoutMigrate: seconds(1800),
  timeoutMoveDisk: seconds(1800),
  timeoutReboot: seconds(1800),
  timeoutShutdownVm: seconds(1800),
  timeoutStartVm: seconds(1800),
  timeoutStopVm: seconds(300),
  vmId: number({ computed: true }),
};

/** Inputs of the real provider that the lab's Proxmox VE has no counterpart for. */
export const UNSUPPORTED_INPUTS: readonly string[] = [
  'amdSev',
  'audioDevice',
  'hookScriptFileId',
  'numas',
  'rngs',
  'usbs',
  'virtiofs',
  'watchdog',
];

function sameTags(old: Value, planned: Value): boolean {
  return equal([...items(old)].sort(), [...items(planned)].sort());
}

function sameParts(old: Value, planned: Value): boolean {
  return equal(text(old).split(',').sort(), text(planned).split(',').sort());
}

function sameInAnyOrder(old: Value, planned: Value): boolean {
  const byInterface = (value: Value): PropertyMap[] =>
    maps(value).sort((a, b) => text(a['interface']).localeCompare(text(b['interface'])));
  return equal(byInterface(old), byInterface(planned));
}
