import type { Stack } from '@pulumi/pulumi/automation';
import { nodeOf } from './changes';
import { ExitCode } from './exit';
import { unreadableState } from './unreadable';

export const VM_TYPE = 'proxmoxve:index/vmLegacy:VmLegacy';
export const CONFIGURATION_TYPE = 'talos:machine/configurationApply:ConfigurationApply';
export const GATE_TYPE = 'pulumi-nodejs:dynamic/prox-ops:HealthGate';
export const IDENTITY_TYPE = 'pulumi-nodejs:dynamic/prox-ops:NodeIdentity';
export const SCHEMATIC_TYPE = 'talos:imageFactory/schematic:Schematic';
export const BOOTSTRAP_TYPE = 'talos:machine/bootstrap:Bootstrap';

/** A resource as the state has it. The Automation API exports secrets in plain text: never printed. */
export interface StateResource {
  urn: string;
  type: string;
  /** The provider's id. */
  id?: string;
  parent?: string;
  /** Set while a delete-before-replace is half done: the old one is gone, the new one not there yet. */
  pendingReplacement?: boolean;
  /** What went wrong while it was made or changed: the engine keeps it, and would go on with it in place. */
  initErrors?: string[];
  inputs: Record<string, unknown>;
}

export interface PendingOperation {
  type: string;
  resource: { urn: string; type: string; inputs?: Record<string, unknown> };
}

interface RawDeployment {
  resources?: (Omit<StateResource, 'inputs'> & { inputs?: object; outputs?: object })[];
  pending_operations?: PendingOperation[];
}

/** The stack's state. */
export class StackState {
  constructor(private readonly exported: { version: number; deployment: RawDeployment }) {}

  resources(): StateResource[] {
    return (this.exported.deployment.resources ?? []).map((resource) => ({
      ...resource,
      inputs: (resource.inputs ?? {}) as Record<string, unknown>,
    }));
  }

  /** Every resource of a node, its component included. */
  ofNode(node: string): StateResource[] {
    return this.resources().filter((resource) => nodeOf(resource.urn, resource.parent) === node);
  }

  /** Addresses of the control planes that were built and have not left for good. */
  controlPlanes(): string[] {
    const nodes = this.resources().filter(({ type }) => type === IDENTITY_TYPE);
    const targets = nodes.map(({ inputs }) => inputs.node as { role?: string; address?: string } | undefined);
    return targets.flatMap((node) => (node?.role === 'controlplane' && node.address ? [node.address] : []));
  }

  /** Nodes with a resource that is half replaced. */
  openNodes(): string[] {
    const open = this.resources().filter((resource) => resource.pendingReplacement === true);
    const names = open.map((resource) => nodeOf(resource.urn, resource.parent));
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  /** Whether the node's VM is there by the state: not deleted in the middle of a replacement. */
  hasVm(node: string): boolean {
    return this.ofNode(node).some(({ type, pendingReplacement }) => type === VM_TYPE && pendingReplacement !== true);
  }

  /** Whether a replacement has had its last look at the node's VM: it may be about to go, whatever the state says of it. */
  isPastLastLook(node: string): boolean {
    return this.ofNode(node).some(({ type, pendingReplacement }) => type === GATE_TYPE && pendingReplacement === true);
  }

  pendingOperations(): PendingOperation[] {
    return this.exported.deployment.pending_operations ?? [];
  }

  get version(): number {
    return this.exported.version;
  }

  /** Whether etcd was ever bootstrapped: nodes without it are no cluster yet. */
  isBootstrapped(): boolean {
    return this.resources().some(({ type }) => type === BOOTSTRAP_TYPE);
  }

  /** Whether the state has the resource as living: not deleted in the middle of a replacement. */
  isThere(urn: string): boolean {
    return this.resources().some((resource) => resource.urn === urn && resource.pendingReplacement !== true);
  }

  /** VMs whose making, or a change of them, failed half way. */
  failedVms(): StateResource[] {
    return this.vms().filter(({ initErrors = [] }) => initErrors.length > 0);
  }

  /** VMs of nodes that nothing guards any more, or not yet: a delete of them may have been done without being noted. */
  unguardedVms(): StateResource[] {
    const guarded = new Set(
      this.resources()
        .filter(({ type, urn }) => type === GATE_TYPE && this.isThere(urn))
        .map(({ urn, parent }) => nodeOf(urn, parent)),
    );
    return this.vms().filter(({ urn, parent }) => {
      const node = nodeOf(urn, parent);
      return node !== undefined && !guarded.has(node);
    });
  }

  /** VMs of no node. */
  templates(): StateResource[] {
    return this.vms().filter(({ urn, parent }) => nodeOf(urn, parent) === undefined);
  }

  /** VMs and templates that the state has as living. */
  private vms(): StateResource[] {
    return this.resources().filter(({ type, urn }) => type === VM_TYPE && this.isThere(urn));
  }

  /** Notes that a resource's delete had been done: the first half of a delete-before-replace. */
  markDeleted(urn: string): void {
    const resource = this.exported.deployment.resources?.find((candidate) => candidate.urn === urn);
    if (resource) resource.pendingReplacement = true;
  }

  /** Notes that a VM is as though cloned from that template: an upgrade in place has made it what such a clone is. */
  markCloneOf(urn: string, template: number): void {
    const resource = this.exported.deployment.resources?.find((candidate) => candidate.urn === urn);
    for (const properties of [resource?.inputs, resource?.outputs] as { clone?: { vmId?: number } }[])
      if (properties?.clone) properties.clone.vmId = template;
  }

  /** The same state without pending operations. */
  withoutPending(): { version: number; deployment: RawDeployment } {
    const deployment = { ...this.exported.deployment };
    delete deployment.pending_operations;
    return { ...this.exported, deployment };
  }
}

/** @throws CommandError with that exit code when the state cannot be had, or is damaged. */
export async function readState(stack: Stack, exitCode: ExitCode = ExitCode.error): Promise<StackState> {
  try {
    return new StackState(await stack.exportStack());
  } catch (error) {
    throw unreadableState(stack.name, error, exitCode);
  }
}
