import { z } from 'zod';
import { adopted } from './shapes/adopted';
import { automation } from './shapes/automation';
import { addons, cluster, networks } from './shapes/cluster';
import { nodes, roles } from './shapes/nodes';
import { proxmox } from './shapes/proxmox';
import { linstor, rollout } from './shapes/rollout';
import { releases, talos } from './shapes/talos';

/**
 * The stack file's shape. Durations are seconds, memory is MiB, disks are GiB, addresses are IPv4.
 * One key of the file (`prox-ops:cluster`, `prox-ops:nodes` ...) is one property here; rules.ts adds the rules across fields.
 */
export const stackShape = z.strictObject({
  cluster,
  proxmox,
  talos,
  releases,
  roles,
  networks,
  nodes,
  linstor: linstor.optional(),
  rollout: rollout.prefault({}),
  addons: addons.prefault({}),
  automation: automation.prefault({}),
  adopted: adopted.prefault({}),
});

export type StackConfig = z.infer<typeof stackShape>;
export type { AdoptedNode, AdoptedTemplate } from './shapes/adopted';
export type { NodeConfig, Hardware } from './shapes/nodes';
export type { HostConfig } from './shapes/proxmox';
export type { Role, Slot, Variant } from './shapes/scalars';
export type { Release } from './shapes/talos';

/** The keys of the stack file, without their namespace. */
export const STACK_KEYS = Object.keys(stackShape.shape) as (keyof StackConfig)[];
