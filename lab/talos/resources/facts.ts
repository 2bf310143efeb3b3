import type { Boot } from '../boot.js';
import { extensionVersion } from '../factory/releases.js';
import type { MachineStatus } from '../status.js';
import type { Facts } from './content.js';

/** What a machine's resources say at the moment. */
export function resourceFacts(boot: Boot, status: MachineStatus): Facts {
  const { configuration, guest, system, fleet, services } = boot;
  const names = fleet.images.extensionsOf(system.schematic);
  return {
    status,
    hostname: guest.node,
    ...(configuration ? { nodename: guest.node, role: configuration.role, configuration: configuration.text } : {}),
    configured: configuration?.addresses ?? {},
    talosVersion: system.version,
    schematic: system.schematic,
    extensions: names.map((name) => ({ name, version: extensionVersion(name, system.version) ?? system.version })),
    hardware: guest.hardware,
    services: services.list(),
    members: configuration ? members(boot, configuration.clusterId) : [],
  };
}

/** The discovery service knows the cluster's machines that run. */
function members({ fleet }: Boot, cluster: string): Facts['members'] {
  return fleet.guests().flatMap(({ boot, node, address }) => {
    if (!boot?.up || boot.configuration?.clusterId !== cluster) return [];
    return [{ node, address, role: boot.configuration.role, talosVersion: boot.system.version }];
  });
}
