import type { EngineEvent, OpType, StepEventMetadata } from '@pulumi/pulumi/automation';

/** One resource that an update would touch. */
export interface Change {
  urn: string;
  type: string;
  name: string;
  /** Every operation the engine plans for it; a replacement has several. */
  ops: OpType[];
  /** Name of the node it belongs to. */
  node?: string;
  /** Inputs before and after, as far as the engine tells them; secrets are masked. */
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
  /** Property paths that differ, as the provider says. */
  paths?: string[];
  /** Whether its delete would leave the real thing alone. */
  retained?: boolean;
}

const NODE_COMPONENT = 'prox-ops:node:TalosNode';

/** The last part of a URN is the resource's name, the part before it the chain of types. */
export function splitUrn(urn: string): { types: string[]; type: string; name: string } {
  const [, , types = '', ...name] = urn.split('::');
  const chain = types.split('$');
  return { types: chain, type: chain.at(-1) ?? '', name: name.join('::') };
}

/** The node that a resource belongs to: its parent is the node's component. */
export function nodeOf(urn: string, parent: string | undefined): string | undefined {
  const own = splitUrn(urn);
  if (own.type === NODE_COMPONENT) return own.name;
  if (parent === undefined || parent === '') return undefined;
  const above = splitUrn(parent);
  return above.type === NODE_COMPONENT ? above.name : undefined;
}

/** Gathers what a preview says, resource by resource. */
export class ChangeSet {
  private readonly changes = new Map<string, Change>();

  /** Takes one engine event; all but the steps are ignored. */
  add(event: EngineEvent): void {
    const step = event.resourcePreEvent?.metadata;
    if (step) this.addStep(step);
  }

  all(): Change[] {
    return [...this.changes.values()];
  }

  /** Resources that would change, in the order the engine met them. */
  touched(): Change[] {
    return this.all().filter((change) => change.ops.some((op) => op !== 'same' && op !== 'read'));
  }

  /** Names of nodes with anything to change, and all of each node's resources. */
  byNode(): Map<string, Change[]> {
    const groups = new Map<string, Change[]>();
    for (const change of this.all()) {
      if (change.node === undefined) continue;
      groups.set(change.node, [...(groups.get(change.node) ?? []), change]);
    }
    return groups;
  }

  private addStep(step: StepEventMetadata): void {
    const { type, name } = splitUrn(step.urn);
    const change = this.changes.get(step.urn) ?? { urn: step.urn, type, name, ops: [] };
    change.ops.push(step.op);
    const node = nodeOf(step.urn, step.new?.parent ?? step.old?.parent);
    if (node !== undefined) change.node = node;
    if (step.old) change.before ??= step.old.inputs;
    if (step.new) {
      change.after = step.new.inputs;
      change.retained = step.new.retainOnDelete === true;
    }
    const paths = Object.keys(step.detailedDiff ?? {});
    change.paths = [...new Set([...(change.paths ?? []), ...(paths.length > 0 ? paths : (step.diffs ?? []))])];
    this.changes.set(step.urn, change);
  }
}
