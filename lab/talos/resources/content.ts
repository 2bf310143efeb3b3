import { createHash } from 'node:crypto';
import type { Hardware } from '../../world/world.js';
import type { MachineStatus } from '../status.js';
import type { Service } from '../services.js';
import type { Content } from './store.js';
import { TYPES, definitionSpec, type ResourceType } from './types.js';

/** What a machine's resources are made from. */
export interface Facts {
  status: MachineStatus;
  hostname: string;
  /** Absent in maintenance mode. */
  nodename?: string;
  role?: 'controlplane' | 'worker';
  /** The machine configuration that runs; absent in maintenance mode. */
  configuration?: string;
  /** Addresses in CIDR notation that the machine configuration gives, by MAC in lower case. */
  configured: Record<string, string[]>;
  talosVersion: string;
  schematic: string;
  /** Extensions with their versions. */
  extensions: { name: string; version: string }[];
  hardware: Hardware;
  services: Service[];
  /** The cluster's members as discovery tells them. */
  members: { node: string; address: string; role: 'controlplane' | 'worker'; talosVersion: string }[];
}

type Contents = ReadonlyMap<string, Content>;

/** Every resource the facts give, by kind. Kinds without resources are there as well, so that they can be asked for. */
export function resourcesOf(facts: Facts): [ResourceType, Contents][] {
  return [
    [TYPES.definition, DEFINITIONS],
    [TYPES.machineConfig, machineConfig(facts.configuration)],
    [TYPES.machineStatus, new Map([['machine', machineStatus(facts.status)]])],
    [TYPES.extension, extensions(facts)],
    [TYPES.diagnostic, new Map()],
    [TYPES.service, new Map(facts.services.map((service) => [service.id, serviceContent(service)]))],
    [TYPES.hostname, new Map([['hostname', hostname(facts.hostname)]])],
    [TYPES.nodename, facts.nodename === undefined ? new Map() : new Map([['nodename', nodename(facts.nodename)]])],
    [TYPES.address, addresses(facts)],
    [TYPES.link, links(facts.hardware)],
    [TYPES.member, new Map(facts.members.map((member) => [member.node, memberContent(member)]))],
    [TYPES.system, new Map([['systeminformation', systemInformation(facts.hardware)]])],
    [TYPES.volume, volumes(facts.hardware)],
    [TYPES.disk, disks(facts.hardware)],
  ];
}

/** Letters of sda, sdb ... in the order of the disks' slots. */
export function deviceName(index: number): string {
  return `sd${String.fromCharCode('a'.charCodeAt(0) + index)}`;
}

const DEFINITIONS: Contents = new Map(
  Object.values(TYPES).map((type): [string, Content] => {
    const spec = definitionSpec(type);
    const columns = spec.columns.map(([name, path]) => ({ name, path }));
    return [
      type.type.toLowerCase(),
      {
        yaml: {
          type: spec.type,
          displayType: spec.display,
          defaultNamespace: spec.namespace,
          aliases: spec.aliases,
          allAliases: spec.allAliases,
          printColumns: columns.map(({ name, path }) => ({ name, jsonPath: path })),
        },
        proto: {
          resource_type: spec.type,
          display_type: spec.display,
          default_namespace: spec.namespace,
          aliases: spec.aliases,
          all_aliases: spec.allAliases,
          print_columns: columns.map(({ name, path }) => ({ name, json_path: path })),
        },
      },
    ];
  }),
);

/** The spec is one YAML string, and the annotation says so: configurations have several documents. */
function machineConfig(text: string | undefined): Contents {
  if (text === undefined) return new Map();
  return new Map([['v1alpha1', { yaml: text, annotations: { 'talos.dev/yaml-spec': '1' } }]]);
}

/** Stages by their number in the resource's protobuf form. */
const STAGES = [
  'unknown',
  'booting',
  'installing',
  'maintenance',
  'running',
  'rebooting',
  'shutting down',
  'resetting',
  'upgrading',
];

function machineStatus({ stage, ready, unmet }: MachineStatus): Content {
  return {
    yaml: { stage, status: { ready, unmetConditions: unmet } },
    proto: { stage: STAGES.indexOf(stage), status: { ready, unmet_conditions: unmet } },
  };
}

/** One layer each, then the schematic itself as a layer whose version is its id. */
function extensions({ extensions: named, schematic, talosVersion }: Facts): Contents {
  const layers = [...named, { name: 'schematic', version: schematic }];
  if (named.length > 0) layers.push({ name: 'modules.dep', version: talosVersion });
  return new Map(
    layers.map(({ name, version }, index): [string, Content] => {
      const image = `${index}.sqsh`;
      const metadata = { name: name.replace(/^siderolabs\//, ''), version, author: 'Sidero Labs', description: '' };
      return [String(index), { yaml: { image, metadata }, proto: { image, metadata } }];
    }),
  );
}

function serviceContent({ state, healthy }: Service): Content {
  return { yaml: { running: state === 'Running', healthy: healthy === true, unknown: healthy === undefined } };
}

function hostname(name: string): Content {
  return { yaml: { hostname: name, domainname: '' }, proto: { hostname: name, domainname: '' } };
}

function nodename(name: string): Content {
  return {
    yaml: { nodename: name, hostnameVersion: '1', skipNodeRegistration: false },
    proto: { nodename: name, hostname_version: '1', skip_node_registration: false },
  };
}

/** What the machine configuration gives a NIC; until there is one, what the hypervisor's cloud-init does. */
function addresses({ hardware, configured }: Facts): Contents {
  const { nics, ipConfigs } = hardware;
  const places = Array.from({ length: Math.max(nics.length, ipConfigs.length) }, (_, index) => index);
  const own = places.flatMap((index) => {
    const platform = ipConfigs[index]?.address;
    const given = configured[nics[index]?.mac.toLowerCase() ?? ''] ?? (platform === undefined ? [] : [platform]);
    return given.map((address) => ({ link: `eth${index}`, address, index }));
  });
  return new Map(
    [{ link: 'lo', address: '127.0.0.1/8', index: -1 }, ...own].map(({ link, address, index }): [string, Content] => [
      `${link}/${address}`,
      {
        yaml: {
          address,
          linkIndex: index + 2,
          linkName: link,
          family: 'inet4',
          scope: link === 'lo' ? 'host' : 'global',
          flags: 'permanent',
          priority: 0,
        },
      },
    ]),
  );
}

function links({ nics }: Hardware): Contents {
  const ethernet = nics.map(({ mac }, index) => ({ id: `eth${index}`, type: 'ether', mac: mac.toLowerCase(), index }));
  const all = [{ id: 'lo', type: 'loopback', mac: '00:00:00:00:00:00', index: -1 }, ...ethernet];
  return new Map(
    all.map(({ id, type, mac, index }): [string, Content] => [
      id,
      {
        yaml: {
          index: index + 2,
          type,
          flags: 'UP,BROADCAST,RUNNING,MULTICAST,LOWER_UP',
          hardwareAddr: mac,
          permanentAddr: mac,
          mtu: id === 'lo' ? 65536 : 1500,
          operationalState: id === 'lo' ? 'unknown' : 'up',
          kind: '',
          driver: id === 'lo' ? '' : 'virtio_net',
          linkState: true,
        },
      },
    ]),
  );
}

function memberContent({ node, address, role, talosVersion }: Facts['members'][number]): Content {
  return {
    yaml: {
      nodeId: createHash('sha256').update(node).digest('base64url'),
      addresses: [address],
      hostname: node,
      machineType: role,
      operatingSystem: `Talos (${talosVersion})`,
      ...(role === 'controlplane' ? { controlPlane: { port: 6443 } } : {}),
    },
  };
}

function systemInformation({ uuid }: Hardware): Content {
  const fixed = { manufacturer: 'QEMU', version: 'pc-q35-10.1' };
  return {
    yaml: { ...fixed, productName: 'Standard PC (Q35 + ICH9, 2009)', uuid, wakeUpType: 'Power Switch' },
    proto: { ...fixed, product_name: 'Standard PC (Q35 + ICH9, 2009)', uuid, wake_up_type: 'Power Switch' },
  };
}

const MIB = 2 ** 20;
/** Sizes of the partitions of fixed size, in bytes; EPHEMERAL has the rest. */
const PARTITIONS = { EFI: 2200 * MIB, META: MIB, STATE: 100 * MIB };
const READY = 6;
const XFS = 1;

function volumes({ disks: [system] }: Hardware): Contents {
  if (!system) return new Map();
  const fixed = Object.values(PARTITIONS).reduce((sum, size) => sum + size, 0);
  const partitions = [...Object.entries(PARTITIONS), ['EPHEMERAL', system.bytes - fixed] as const];
  return new Map(
    partitions.map(([label, size], index): [string, Content] => {
      const location = `/dev/sda${index + 1}`;
      const filesystem = label === 'STATE' || label === 'EPHEMERAL' ? 'xfs' : 'none';
      return [
        label,
        {
          yaml: {
            phase: 'ready',
            type: 'partition',
            location,
            parentLocation: '/dev/sda',
            size,
            prettySize: pretty(size),
            filesystem,
          },
          proto: {
            phase: READY,
            type: 0,
            location,
            size,
            pretty_size: pretty(size),
            filesystem: filesystem === 'xfs' ? XFS : 0,
          },
        },
      ];
    }),
  );
}

function disks({ disks: all }: Hardware): Contents {
  return new Map(
    all.map(({ slot, bytes }, index): [string, Content] => {
      const common = {
        size: bytes,
        readonly: false,
        model: 'QEMU HARDDISK',
        transport: 'virtio',
        serial: `drive-${slot}`,
      };
      const dev_path = `/dev/${deviceName(index)}`;
      return [
        deviceName(index),
        {
          yaml: { dev_path, pretty_size: pretty(bytes), io_size: 512, sector_size: 512, ...common },
          proto: { dev_path, pretty_size: pretty(bytes), io_size: 512, sector_size: 512, ...common },
        },
      ];
    }),
  );
}

/** Decimal units, as Talos prints them. */
function pretty(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
