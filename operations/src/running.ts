import { connect } from './clients/session.js';
import type { Node } from './clients/kubernetesObjects.js';
import type { Extension } from './clients/talosOutput.js';
import type { ClusterAccess, NodeTarget, ReleaseTarget } from './contract.js';
import { realClock } from './runtime/clock.js';
import { Stop } from './runtime/errors.js';

/**
 * What a machine runs now, by its own words and its kubelet's. Changes nothing.
 * @throws Stop when its node is not registered or names no schematic; TalosError when its machine API does not answer.
 */
export async function runningRelease(
  access: ClusterAccess,
  { name, address }: Pick<NodeTarget, 'name' | 'address'>,
): Promise<ReleaseTarget> {
  const { talos, kubernetes } = await connect(access, realClock);
  const [version, extensions, node] = await Promise.all([
    talos.version(address),
    talos.extensions(address),
    kubernetes.get<Node>(`/api/v1/nodes/${name}`),
  ]);
  const [schematic, kubelet] = [schematicOf(extensions), node?.status?.nodeInfo?.kubeletVersion];
  if (kubelet === undefined) throw new Stop(`${name} registered in Kubernetes`, 'no node of that name');
  if (schematic === undefined) throw new Stop(`the schematic of ${name}`, 'no extension that names one');
  return { talos: version, kubernetes: kubelet, schematic };
}

/** Talos tells the schematic as the version of an extension of that name. */
export function schematicOf(extensions: Extension[]): string | undefined {
  return extensions.find(({ name }) => name === 'schematic')?.version;
}
