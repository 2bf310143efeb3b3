import { hardwareOf } from '../plan';
import { Problem } from '../problem';
import type { StackConfig, Variant } from '../schema';
import { nodesOf, rule, type Rule } from './rule';

const DRBD = 'siderolabs/drbd';

/** What machines are for: control planes, GPUs, storage. */
export const MACHINE_RULES: Rule[] = [
  rule(
    ['nodes'],
    (config) => {
      const count = nodesOf(config).filter(([, { role }]) => role === 'controlplane').length;
      if (count % 2 === 1) return [];
      return [new Problem(['nodes'], 'an odd number of control planes, so that etcd keeps a majority', String(count))];
    },
    { everyNode: true },
  ),

  rule(['nodes'], (config) =>
    nodesOf(config).flatMap(([name, { variant, pci }]) => {
      const at = ['nodes', name, 'variant'];
      if (variant === 'standard' && pci.length > 0)
        return [new Problem(at, 'gpu, because the node has PCI mappings', variant)];
      if (variant === 'gpu' && pci.length === 0)
        return [new Problem(['nodes', name, 'pci'], 'a PCI mapping, because the variant is gpu', 'none')];
      return [];
    }),
  ),

  rule(['talos', 'nodes'], ({ talos, nodes }) => {
    if (!Object.values(nodes).some(({ variant }) => variant === 'gpu')) return [];
    return nvidiaExtensions(talos.extensions.gpu);
  }),

  rule(['talos', 'roles', 'nodes', 'linstor'], (config) => {
    const variants = new Set(satellites(config).map(([, { variant }]) => variant));
    return [...variants].flatMap((variant: Variant) => {
      if (config.talos.extensions[variant].includes(DRBD)) return [];
      const expected = `${DRBD} among the extensions, because linstor is set`;
      return [new Problem(['talos', 'extensions', variant], expected, 'none')];
    });
  }),

  rule(
    ['roles', 'nodes', 'linstor'],
    (config) => {
      if (!config.linstor) return [];
      const count = satellites(config).length;
      if (count === 0 && config.roles.worker.dataDisk === undefined)
        return [new Problem(['roles', 'worker', 'dataDisk'], 'a data disk, because linstor is set', 'none')];
      const { placeCount, guardEnabled } = config.linstor;
      const needed = guardEnabled ? placeCount + 1 : placeCount;
      if (count >= needed) return [];
      const why = guardEnabled ? 'for its replicas, and one for those of the node that leaves' : 'for its replicas';
      const expected = `at least ${needed} nodes with a data disk: ${placeCount} (placeCount) ${why}`;
      return [new Problem(['linstor', 'placeCount'], expected, `${count}`)];
    },
    { everyNode: true },
  ),

  rule(['addons', 'linstor'], ({ addons, linstor }) => {
    if (linstor || addons.linstorHostDevices.length === 0) return [];
    const expected = 'none, because linstor is not set';
    return [new Problem(['addons', 'linstorHostDevices'], expected, addons.linstorHostDevices.join(', '))];
  }),
];

function satellites(config: Pick<StackConfig, 'roles' | 'nodes' | 'linstor'>) {
  if (!config.linstor) return [];
  return nodesOf(config).filter(([, node]) => hardwareOf(config, node).dataDisk !== undefined);
}

/** A kernel module package and the container toolkit, both of one branch (production, lts). */
function nvidiaExtensions(extensions: string[]): Problem[] {
  const at = ['talos', 'extensions', 'gpu'];
  const branches = (pattern: RegExp) => extensions.flatMap((name) => pattern.exec(name)?.[1] ?? []);
  const [modules] = branches(/^siderolabs\/(?:nonfree-kmod-nvidia|nvidia-open-gpu-kernel-modules)-(\w+)$/);
  const [toolkit] = branches(/^siderolabs\/nvidia-container-toolkit-(\w+)$/);
  if (modules === undefined)
    return [new Problem(at, 'NVIDIA kernel modules, because a node is of variant gpu', 'none')];
  const wanted = `siderolabs/nvidia-container-toolkit-${modules}`;
  if (toolkit === modules) return [];
  return [new Problem(at, wanted, toolkit === undefined ? 'no container toolkit' : `that of the branch ${toolkit}`)];
}
