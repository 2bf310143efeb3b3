import type { GuardedVm, ProxmoxAccess } from '@prox-ops/operations';
import * as pulumi from '@pulumi/pulumi';

/**
 * Looks that the engine takes in this program right before it makes or changes a VM, whoever runs the update. They are
 * hooks and no resources: there is nothing of them in the state but their names. Registered once a program.
 */
export interface VmGuards {
  /** For VMs and templates. */
  vm: pulumi.ResourceHookBinding;
  /** For images. */
  image: pulumi.ResourceHookBinding;
}

/**
 * Set while `prox-ops adopt` tries out a state that does not have the VMs yet: its previews "create" what is there. An
 * update looks all the same.
 */
const ADOPTING = 'PROX_OPS_ADOPTING';

type HookArgs = pulumi.ResourceHookArgs;

/** @param endpoint https://host:8006 @param token secret: USER@REALM!ID=UUID */
export function vmGuards(endpoint: string, token: pulumi.Output<string>): VmGuards {
  const access = (): Promise<ProxmoxAccess> =>
    new Promise((resolve) => token.apply((plain) => resolve({ endpoint, token: plain })));
  const idIsFree = new pulumi.ResourceHook(
    'vm-id-is-free',
    async ({ newInputs }: HookArgs) => {
      const { assertIdIsFree, previewIdIsOurs } = operations();
      const vm = guardedVm(newInputs);
      if (!pulumi.runtime.isDryRun()) return assertIdIsFree(await access(), vm);
      if (process.env[ADOPTING] !== undefined) return;
      const unknown = await previewIdIsOurs(await access(), vm);
      if (unknown !== undefined) await pulumi.log.warn(unknown);
    },
    { onDryRun: true },
  );
  const isWhole = new pulumi.ResourceHook('vm-is-whole', async ({ oldInputs, urn }: HookArgs) =>
    operations().assertWhole(await access(), guardedVm(oldInputs), urn),
  );
  const growsOnly = new pulumi.ResourceHook(
    'disks-grow-only',
    ({ oldInputs, newInputs }: HookArgs) => {
      assertDisksGrow(guardedVm(oldInputs), guardedVm(newInputs));
    },
    { onDryRun: true },
  );
  const isFresh = new pulumi.ResourceHook('image-is-fresh', async ({ newInputs }: HookArgs) =>
    operations().removeStaleImage(await access(), {
      host: String(field(newInputs, 'nodeName')),
      storage: String(field(newInputs, 'datastoreId')),
      file: String(field(newInputs, 'fileName')),
    }),
  );
  return { vm: { beforeCreate: [idIsFree], beforeUpdate: [growsOnly, isWhole] }, image: { beforeCreate: [isFresh] } };
}

/** Loaded when a hook is called: an update that makes nothing has no use for it. */
function operations(): typeof import('@prox-ops/operations') {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded late, on purpose
  return require('@prox-ops/operations') as typeof import('@prox-ops/operations');
}

function guardedVm(inputs: unknown): GuardedVm {
  const smbios = field(inputs, 'smbios') as { uuid?: string } | undefined;
  const disks = (field(inputs, 'disks') ?? []) as { interface: string; size: number }[];
  return {
    vmId: Number(field(inputs, 'vmId')),
    name: String(field(inputs, 'name')),
    host: String(field(inputs, 'nodeName')),
    template: field(inputs, 'template') === true,
    disks: disks.map((disk) => ({ interface: disk.interface, size: Number(disk.size) })),
    ...(smbios?.uuid !== undefined && { uuid: smbios.uuid }),
  };
}

/** The provider finds out when it has begun to change the VM. @throws Error naming the disk. */
function assertDisksGrow({ name, disks }: GuardedVm, wanted: GuardedVm): void {
  for (const { interface: slot, size } of disks) {
    const next = wanted.disks.find((disk) => disk.interface === slot);
    if (next === undefined || next.size >= size) continue;
    throw new Error(
      `${name}: expected a disk ${slot} of ${size} GiB or more, because a disk never shrinks, found ${next.size}. Nothing of it ` +
        `was changed. A smaller disk comes with the node's next replacement: put it into the stack file together with a release.`,
    );
  }
}

function field(inputs: unknown, name: string): unknown {
  return (inputs as Record<string, unknown> | undefined)?.[name];
}
