import { z } from 'zod';
import { form, quoted, slot, text, url, version } from './scalars';

const argument = form(/^[a-z][a-z0-9-]*$/, 'the name of an argument without leading hyphens');

const perVariant = (what: string) => {
  const list = z.array(text);
  return z.strictObject({
    standard: list.describe(`${what} of nodes without a GPU.`),
    gpu: list.describe(`${what} of nodes with a GPU.`),
  });
};

const kernelModule = z.strictObject({
  name: text.describe('Name of the module.'),
  parameters: z.array(text).default([]).describe('Parameters, like `usermode_helper=disabled`.'),
});

/** Strategic merge patches of a machine configuration, e.g. `{machine: {sysctls: {...}}}`. */
export const patches = z.array(z.record(text, z.unknown())).default([]);

export const talos = z
  .strictObject({
    imageFactory: url('https', 'http')
      .default('https://factory.talos.dev')
      .describe('Image factory that makes boot images.'),
    extensions: perVariant('System extensions').describe(
      'System extensions of each variant. A change replaces the nodes.',
    ),
    kernelArgs: perVariant('Kernel arguments')
      .partial()
      .default({})
      .describe('Extra kernel arguments of each variant. A change replaces the nodes.'),
    kernelModules: z
      .array(kernelModule)
      .default([])
      .describe('Kernel modules that every node loads, beside those of LINSTOR and GPUs.'),
    kubelet: z
      .strictObject({
        extraArgs: z
          .record(argument, quoted)
          .default({})
          .describe('Arguments of the kubelet, without leading hyphens.'),
      })
      .prefault({})
      .describe('Settings of every kubelet.'),
    registryMirrors: z
      .record(text, z.array(url('https', 'http')).min(1))
      .default({})
      .describe('Mirrors of container registries: endpoints by host name, tried in order.'),
    patches: z
      .strictObject({
        cluster: patches.describe('For every node.'),
        controlplane: patches.describe('For control planes.'),
        worker: patches.describe('For workers.'),
        standard: patches.describe('For nodes without a GPU.'),
        gpu: patches.describe('For nodes with a GPU.'),
      })
      .prefault({})
      .describe('Patches of the machine configuration, each applied after the program’s own of the same kind.'),
    importSecrets: text
      .optional()
      .describe('Path of an existing secrets.yaml, from the project directory: the cluster keeps its identity.'),
  })
  .describe('Talos Linux.');

const release = z.strictObject({
  talos: version.describe('Talos release.'),
  kubernetes: version.describe('Kubernetes release, in the range that the Talos release supports.'),
});

export const releases = z
  .strictObject({
    active: slot.describe('Slot that nodes are cloned from; the other one stays bootable for a rollback.'),
    a: release.optional().describe('Release in slot a.'),
    b: release.optional().describe('Release in slot b.'),
  })
  .describe('Talos releases, in two slots. `npx prox-ops release` fills the inactive one.');

export type Release = z.infer<typeof release>;
