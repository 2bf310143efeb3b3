import { Problem } from './problem';
import { nodesOf } from './rules/rule';
import type { StackConfig } from './schema';

/** What is allowed and unwise. */
export function adviceFor(config: StackConfig): Problem[] {
  return controlPlaneSpread(config);
}

/** A host that goes takes its control planes along: with more than its share, that can be the majority. */
function controlPlaneSpread(config: StackConfig): Problem[] {
  const controlPlanes = nodesOf(config).filter(([, { role }]) => role === 'controlplane');
  const share = Math.ceil(controlPlanes.length / config.proxmox.hosts.length);
  return controlPlanes.flatMap(([name, { host }], index) => {
    const before = controlPlanes.slice(0, index).filter(([, other]) => other.host === host);
    if (before.length < share) return [];
    const others = before.map(([other]) => other).join(', ');
    return [new Problem(['nodes', name, 'host'], 'a host with fewer control planes', `${host}, which has ${others}`)];
  });
}
