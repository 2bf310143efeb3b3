import type { PolicyResource, StackValidationArgs } from '@pulumi/policy';
import { releaseInDescription } from '../../config/plan';
import { NODE, VM } from './types';

/** A VM's inputs as far as policies read them; any of them may be unknown in a preview, and reading it then throws. */
export interface VmProps {
  vmId?: number;
  name?: string;
  nodeName?: string;
  description?: string;
  tags?: string[];
  template?: boolean;
  machine?: string;
  clone?: { vmId?: number };
  cpu?: { cores?: number; sockets?: number };
  memory?: { dedicated?: number };
  networkDevices?: { macAddress?: string; bridge?: string; vlanId?: number }[];
  initialization?: { ipConfigs?: { ipv4?: { address?: string; gateway?: string } }[] };
  disks?: { interface?: string; datastoreId?: string; size?: number }[];
  hostpcis?: { device?: string; id?: string; mapping?: string; pcie?: boolean }[];
}

export interface Vm {
  resource: PolicyResource;
  props: VmProps;
  /** The node's name where the VM belongs to one, else the resource's own. */
  name: string;
}

/** A node: the component and everything whose parent it is. */
export interface Node {
  name: string;
  urn: string;
  resources: PolicyResource[];
  vm: Vm | undefined;
}

export function allVms(stack: StackValidationArgs): Vm[] {
  return stack.resources
    .filter((resource) => resource.type === VM)
    .map((resource) => ({ resource, props: resource.props as VmProps, name: ownerName(resource) }));
}

/** VMs that are run, not cloned from. */
export function nodeVms(stack: StackValidationArgs): Vm[] {
  return allVms(stack).filter(({ props }) => props.template !== true);
}

export function templateVms(stack: StackValidationArgs): Vm[] {
  return allVms(stack).filter(({ props }) => props.template === true);
}

export function nodes(stack: StackValidationArgs): Node[] {
  const vms = new Map(allVms(stack).map((vm) => [vm.resource.parent?.urn, vm]));
  const below = new Map<string, PolicyResource[]>();
  for (const { parent } of stack.resources) if (parent?.type === NODE) below.set(parent.urn, []);
  for (const resource of stack.resources) below.get(resource.parent?.urn ?? '')?.push(resource);
  return stack.resources
    .filter((resource) => resource.type === NODE)
    .map(({ urn, name }) => ({ urn, name, resources: below.get(urn) ?? [], vm: vms.get(urn) }));
}

function ownerName(resource: PolicyResource): string {
  return resource.parent?.type === NODE ? resource.parent.name : resource.name;
}

/** Name of the node that a resource policy's subject belongs to, else the resource's own. */
export function nodeNameOf(resource: { name: string; opts: { parent?: string } }): string {
  const [types = '', ...name] = (resource.opts.parent ?? '').split('::').slice(2);
  return types.split('$').at(-1) === NODE ? name.join('::') : resource.name;
}

export function isControlPlane({ props }: Vm): boolean {
  return props.tags?.includes('controlplane') === true;
}

/** Release and schematic id that a VM says it is made from. */
export function imageOf(description: string | undefined): { talos: string; schematic: string } | undefined {
  const talos = releaseInDescription(description ?? '');
  const schematic = /, schematic ([^\s,]+)/.exec(description ?? '')?.[1];
  return talos === undefined || schematic === undefined ? undefined : { talos, schematic };
}

/** The values that more than one subject has, with their owners' names. */
export function sharedValues<T>(pairs: Iterable<readonly [T, string]>): Map<T, string[]> {
  const owners = new Map<T, string[]>();
  for (const [value, owner] of pairs) owners.set(value, [...(owners.get(value) ?? []), owner]);
  const shared = [...owners].filter(([, names]) => names.length > 1);
  // The engine's order of resources is not the same twice.
  return new Map(shared.map(([value, names]) => [value, names.sort()]));
}
