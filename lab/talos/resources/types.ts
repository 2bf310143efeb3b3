/** What clients are told of a kind of resource, so that they find and print it. */
export interface ResourceType {
  /** MachineStatuses.runtime.talos.dev */
  type: string;
  namespace: string;
  /** MachineStatus */
  display: string;
  /** Further names, beside those made from the type's own. */
  aliases: string[];
  columns: [name: string, path: string][];
  /** The message of its protobuf form, for what clients decode; others only print the YAML form. */
  message?: string;
  /** Holds secrets: for administrators alone. */
  sensitive?: boolean;
}

const type = (
  name: string,
  namespace: string,
  display: string,
  aliases: string[],
  columns: ResourceType['columns'],
  message?: string,
): ResourceType => ({
  type: name,
  namespace,
  display,
  aliases,
  columns,
  ...(message === undefined ? {} : { message }),
});

/** The kinds that the lab's machines have, with Talos' own columns and aliases. */
export const TYPES = {
  definition: type(
    'ResourceDefinitions.meta.cosi.dev',
    'meta',
    'ResourceDefinition',
    ['api-resources'],
    [['Aliases', '{.aliases[:]}']],
    'resources.ResourceDefinitionSpec',
  ),
  machineConfig: {
    ...type('MachineConfigs.config.talos.dev', 'config', 'MachineConfig', [], []),
    sensitive: true,
  },
  machineStatus: type(
    'MachineStatuses.runtime.talos.dev',
    'runtime',
    'MachineStatus',
    [],
    [
      ['Stage', '{.stage}'],
      ['Ready', '{.status.ready}'],
    ],
    'resources.MachineStatusSpec',
  ),
  extension: type(
    'ExtensionStatuses.runtime.talos.dev',
    'runtime',
    'ExtensionStatus',
    ['extensions'],
    [
      ['Name', '{.metadata.name}'],
      ['Version', '{.metadata.version}'],
    ],
    'resources.ExtensionLayer',
  ),
  diagnostic: type('Diagnostics.runtime.talos.dev', 'runtime', 'Diagnostic', [], [['Message', '{.message}']]),
  service: type(
    'Services.v1alpha1.talos.dev',
    'runtime',
    'Service',
    ['svc'],
    [
      ['Running', '{.running}'],
      ['Healthy', '{.healthy}'],
      ['Health Unknown', '{.unknown}'],
    ],
  ),
  hostname: type(
    'HostnameStatuses.net.talos.dev',
    'network',
    'HostnameStatus',
    ['hostname'],
    [
      ['Hostname', '{.hostname}'],
      ['Domainname', '{.domainname}'],
    ],
    'resources.HostnameStatusSpec',
  ),
  nodename: type(
    'Nodenames.kubernetes.talos.dev',
    'k8s',
    'Nodename',
    [],
    [['Nodename', '{.nodename}']],
    'resources.NodenameSpec',
  ),
  address: type(
    'AddressStatuses.net.talos.dev',
    'network',
    'AddressStatus',
    ['address', 'addresses'],
    [
      ['Address', '{.address}'],
      ['Link', '{.linkName}'],
    ],
  ),
  link: type(
    'LinkStatuses.net.talos.dev',
    'network',
    'LinkStatus',
    ['link', 'links'],
    [
      ['Alias', '{.alias}'],
      ['Type', '{.type}'],
      ['Kind', '{.kind}'],
      ['Hw Addr', '{.hardwareAddr}'],
      ['Oper State', '{.operationalState}'],
      ['Link State', '{.linkState}'],
    ],
  ),
  member: type(
    'Members.cluster.talos.dev',
    'cluster',
    'Member',
    [],
    [
      ['Hostname', '{.hostname}'],
      ['Machine Type', '{.machineType}'],
      ['OS', '{.operatingSystem}'],
      ['Addresses', '{.addresses}'],
    ],
  ),
  system: type(
    'SystemInformations.hardware.talos.dev',
    'hardware',
    'SystemInformation',
    [],
    [
      ['Manufacturer', '{.manufacturer}'],
      ['ProductName', '{.productName}'],
      ['UUID', '{.uuid}'],
    ],
    'resources.SystemInformationSpec',
  ),
  volume: type(
    'VolumeStatuses.block.talos.dev',
    'runtime',
    'VolumeStatus',
    [],
    [
      ['Type', '{.type}'],
      ['Phase', '{.phase}'],
      ['Location', '{.location}'],
      ['Size', '{.prettySize}'],
    ],
    'resources.VolumeStatusSpec',
  ),
  disk: type(
    'Disks.block.talos.dev',
    'runtime',
    'Disk',
    [],
    [
      ['Size', '{.pretty_size}'],
      ['Read Only', '{.readonly}'],
      ['Transport', '{.transport}'],
      ['Rotational', '{.rotational}'],
      ['WWID', '{.wwid}'],
      ['Model', '{.model}'],
      ['Serial', '{.serial}'],
    ],
    'resources.DiskSpec',
  ),
} satisfies Record<string, ResourceType>;

/** A definition's own spec: the names under which a kind can be asked for are made from its type. */
export function definitionSpec({ type, namespace, display, aliases, columns }: ResourceType) {
  const [name = '', ...suffix] = type.split('.');
  const plural = name.toLowerCase();
  const capitals = name.replaceAll(/[^A-Z]/g, '');
  const short = capitals.length > 1 ? [capitals.toLowerCase()] : [];
  const shortPlural = short.length > 0 && !capitals.endsWith('S') ? [`${short[0]}s`] : [];
  const names = [...aliases, display.toLowerCase(), ...short, ...shortPlural];
  const dotted = suffix.slice(0, -1).map((_, index) => [plural, ...suffix.slice(0, index + 1)].join('.'));
  return { type, display, namespace, aliases: names, allAliases: [plural, ...dotted, ...names], columns };
}
