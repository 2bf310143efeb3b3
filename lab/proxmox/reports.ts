import { isIPv4 } from 'node:net';
import type { Site } from './site.js';
import type { Volume } from './volumes.js';
import { ownDrives, parseDrive } from './vm/drives.js';
import { hardwareOf } from './vm/hardware.js';
import { coresOf, isTemplate, memoryOf, nameOf, type Vm } from './vm/model.js';
import { agentEnabled } from './vm/power.js';

type Row = Record<string, unknown>;

/** What a hypervisor needs for itself. */
const HOST_MEMORY = 4 * 2 ** 30;
const ROOT_DISK = 100 * 2 ** 30;
export const VERSION = { release: '9.1', version: '9.1.6', repoid: 'f8d3a2c1b0e94756' };

/** Seconds since the VM was started. */
function uptimeOf(site: Site, vm: Vm): number {
  return vm.power ? Math.floor((site.world.clock.now() - vm.power.since) / 1000) : 0;
}

/** Size of the first disk in the boot order. */
function bootDiskBytes(site: Site, vm: Vm): number {
  const order = /order=([^,]*)/.exec(vm.config.boot ?? '')?.[1]?.split(';') ?? [];
  const keys = [...order, ...ownDrives(vm.config).map(({ key }) => key)];
  const volumes = keys.map((key) => site.volumes.find(parseDrive(vm.config[key] ?? '').file, vm.host));
  return volumes.find((volume) => volume !== undefined)?.bytes ?? 0;
}

/** The fields that every listing of a VM has. */
function figures(site: Site, vm: Vm): Row {
  const running = vm.power !== undefined;
  const config = vm.power?.config ?? vm.config;
  return {
    vmid: vm.vmid,
    name: nameOf(vm),
    status: running ? 'running' : 'stopped',
    uptime: uptimeOf(site, vm),
    cpu: 0,
    mem: running ? memoryOf(config) : 0,
    maxmem: memoryOf(config),
    disk: 0,
    maxdisk: bootDiskBytes(site, vm),
    netin: 0,
    netout: 0,
    diskread: 0,
    diskwrite: 0,
    ...(vm.config.tags === undefined ? {} : { tags: vm.config.tags }),
    ...(vm.lock === undefined ? {} : { lock: vm.lock }),
  };
}

/** A row of nodes/N/qemu, and most of status/current. */
export function vmRow(site: Site, vm: Vm): Row {
  return {
    ...figures(site, vm),
    cpus: coresOf(vm.power?.config ?? vm.config),
    ...(vm.power ? { pid: vm.power.pid } : {}),
    ...(isTemplate(vm) ? { template: 1 } : {}),
    ...(Object.keys(vm.config).some((key) => /^serial\d$/.test(key)) ? { serial: 1 } : {}),
  };
}

export function vmStatus(site: Site, vm: Vm): Row {
  const row = vmRow(site, vm);
  return {
    ...row,
    qmpstatus: row.status,
    ha: { managed: 0 },
    ...(agentEnabled(vm) ? { agent: 1 } : {}),
    ...(vm.power
      ? { 'running-qemu': '10.1.2', 'running-machine': vm.power.config.machine ?? 'pc-i440fx-10.1+pve0' }
      : {}),
  };
}

/** A row of cluster/resources. Of an offline host's guests only what the cluster's file system knows is left. */
export function vmResource(site: Site, vm: Vm): Row {
  const base = { id: `qemu/${vm.vmid}`, type: 'qemu', vmid: vm.vmid, node: vm.host };
  const pool = site.pools.poolOf(vm.vmid);
  const shared = { ...(pool === undefined ? {} : { pool }) };
  if (site.hosts.offline(vm.host)) {
    const { tags } = vm.config;
    const lock = vm.lock === undefined ? {} : { lock: vm.lock };
    return { ...base, ...shared, status: 'unknown', ...lock, ...(tags === undefined ? {} : { tags }) };
  }
  const config = vm.power?.config ?? vm.config;
  return { ...base, ...figures(site, vm), maxcpu: coresOf(config), template: isTemplate(vm) ? 1 : 0, ...shared };
}

function hostMemory(site: Site, name: string, total: number): number {
  const guests = site.vms.on(name).reduce((sum, { power }) => sum + (power ? memoryOf(power.config) : 0), 0);
  return Math.min(total, HOST_MEMORY + guests);
}

function hostUptime(site: Site): number {
  return 1 + Math.floor((site.world.clock.now() - site.since) / 1000);
}

export function hostResource(site: Site, name: string): Row {
  const host = site.hosts.find(name)!;
  const base = { id: `node/${name}`, type: 'node', node: name, level: '' };
  const size = { maxcpu: host.cores, maxmem: host.memory, maxdisk: ROOT_DISK };
  if (site.hosts.offline(name)) return { ...base, ...size, status: 'offline' };
  const mem = hostMemory(site, name, host.memory);
  const disk = Math.floor(ROOT_DISK / 10);
  return { ...base, ...size, status: 'online', uptime: hostUptime(site), cpu: 0, mem, disk, 'cgroup-mode': 2 };
}

export function hostStatus(site: Site, name: string): Row {
  const host = site.hosts.reach(name);
  const used = hostMemory(site, name, host.memory);
  const free = host.memory - used;
  return {
    uptime: hostUptime(site),
    loadavg: ['0.00', '0.00', '0.00'],
    cpu: 0,
    wait: 0,
    idle: 0,
    cpuinfo: { cpus: host.cores, cores: host.cores / 2, sockets: 1, model: 'QEMU Virtual CPU', user_hz: 100 },
    memory: { total: host.memory, used, free, available: free },
    swap: { total: 0, used: 0, free: 0 },
    rootfs: { total: ROOT_DISK, used: Math.floor(ROOT_DISK / 10), free: ROOT_DISK, avail: ROOT_DISK },
    ksm: { shared: 0 },
    pveversion: `pve-manager/${VERSION.version}/${VERSION.repoid}`,
    kversion: 'Linux 6.17.2-1-pve',
    'boot-info': { mode: 'efi', secureboot: 0 },
  };
}

export function storageResource(site: Site, name: string, host: string): Row {
  const { type, shared, content, capacity } = site.volumes.storage(name);
  const base = { id: `storage/${host}/${name}`, type: 'storage', storage: name, node: host, plugintype: type };
  const facts = { shared: shared ? 1 : 0, content: content.join(',') };
  if (site.hosts.offline(host)) return { ...base, ...facts, status: 'unknown' };
  const disk = Math.min(capacity, site.volumes.used(name, host));
  return { ...base, ...facts, status: 'available', maxdisk: capacity, disk };
}

export function storageStatus(site: Site, name: string, host: string): Row {
  const { type, shared, content, capacity } = site.volumes.enabled(name, host);
  const used = Math.min(capacity, site.volumes.used(name, host));
  return {
    type,
    content: content.join(','),
    shared: shared ? 1 : 0,
    enabled: 1,
    active: 1,
    total: capacity,
    used,
    avail: capacity - used,
  };
}

export function volumeRow(volume: Volume): Row {
  const { volid, type, format, bytes, created, owner, parent } = volume;
  return {
    volid,
    content: type,
    format,
    size: bytes,
    ctime: created,
    ...(owner === undefined ? {} : { vmid: owner }),
    ...(parent === undefined ? {} : { parent: parent.slice(parent.indexOf(':') + 1) }),
  };
}

/** What the guest agent says about its interfaces: loopback, then one a NIC with its address from cloud-init. */
export function guestInterfaces(site: Site, vm: Vm): Row[] {
  const { nics, ipConfigs } = hardwareOf(vm, site.volumes);
  const address = (cidr: string): Row => {
    const [ip = '', prefix = '32'] = cidr.split('/');
    return { 'ip-address': ip, 'ip-address-type': isIPv4(ip) ? 'ipv4' : 'ipv6', prefix: Number(prefix) };
  };
  const loopback = { name: 'lo', 'hardware-address': '00:00:00:00:00:00', 'ip-addresses': [address('127.0.0.1/8')] };
  const others = nics.map(({ mac }, index) => ({
    name: `eth${index}`,
    'hardware-address': mac.toLowerCase(),
    'ip-addresses': ipConfigs[index] ? [address(ipConfigs[index].address)] : [],
  }));
  return [loopback, ...others];
}
