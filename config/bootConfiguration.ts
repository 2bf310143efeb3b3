import { createHash } from 'node:crypto';
import type { NodeConfig, StackConfig } from './schema';

type Patch = Record<string, unknown>;

/**
 * What a running machine takes over at once; it reads everything else at boot alone (Talos' `CanApplyImmediate`, v1.13).
 * Documents of other kinds than v1alpha1 are taken over at once as well.
 */
const AT_ONCE = {
  document: ['version', 'debug', 'persist', 'cluster'],
  machine: [
    'acceptedCAs',
    'ca',
    'certSANs',
    'controlPlane',
    'install',
    'kernel',
    'kubelet',
    'logging',
    'network',
    'nodeAnnotations',
    'nodeLabels',
    'nodeTaints',
    'pods',
    'registries',
    'seccompProfiles',
    'sysctls',
    'sysfs',
    'time',
  ],
  features: ['hostDNS', 'imageCache', 'kubePrism', 'kubernetesTalosAPIAccess', 'nodeAddressSortAlgorithm'],
};

/**
 * Digest of what the stack file's own patches say of a machine's boot; undefined when they say nothing of it. The program's
 * patches have nothing of the kind (`components/machinePatches.ts`). Pure.
 */
export function bootConfiguration(
  { talos: { patches } }: Pick<StackConfig, 'talos'>,
  node: Pick<NodeConfig, 'role' | 'variant' | 'patches'>,
): string | undefined {
  const own = [...patches.cluster, ...patches[node.role], ...patches[node.variant], ...node.patches];
  const read = own.filter((patch) => patch.kind === undefined).map(readAtBoot);
  const said = read.filter((patch) => Object.keys(patch).length > 0);
  if (said.length === 0) return undefined;
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 12);
}

function readAtBoot(patch: Patch): Patch {
  const machine = without(within(patch, 'machine'), AT_ONCE.machine);
  const features = without(within(machine, 'features'), AT_ONCE.features);
  const left = withPart(machine, 'features', features);
  return withPart(without(patch, AT_ONCE.document), 'machine', left);
}

function within(value: Patch, key: string): Patch {
  const part = value[key];
  return typeof part === 'object' && part !== null && !Array.isArray(part) ? (part as Patch) : {};
}

function without(value: Patch, keys: string[]): Patch {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** An empty part says nothing. */
function withPart(value: Patch, key: string, part: Patch): Patch {
  const rest = without(value, [key]);
  return Object.keys(part).length === 0 ? rest : { ...rest, [key]: part };
}
