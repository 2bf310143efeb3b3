import type { Fleet, PlannedNode, Release } from './fleet.js';
import type { Moment, Report } from './verdict.js';

/** One replacement of a node's VM, from its deletion until the next one. */
interface Replacement {
  node: PlannedNode;
  deleted: Moment;
  from: Release;
  to?: Release;
}

/**
 * I2, first part: control planes before workers. A roll's target shows when a machine runs again: a worker whose VM was
 * deleted earlier than the VM of a control plane that came to the same release went first. The release a node leaves is
 * the one with which it last did its work, so putting back a node that never joined is no roll.
 */
export class OrderRule {
  private readonly serving = new Map<string, Release>();
  private readonly replacements = new Map<string, Replacement>();

  constructor(
    private readonly fleet: Fleet,
    private readonly report: Report,
  ) {}

  arm(): void {
    this.serving.clear();
    this.replacements.clear();
    this.noteServing();
  }

  /** To be called after every change of the fleet. */
  noteServing(): void {
    for (const { name } of this.fleet.known()) {
      const release = this.fleet.release(name);
      if (release && this.fleet.reasons(name).length === 0) this.serving.set(name, release);
    }
  }

  /** To be called while the fleet still knows the VM. */
  vmDeleted(name: string, deleted: Moment): void {
    const node = this.fleet.node(name);
    const from = this.serving.get(name);
    if (node && from) this.replacements.set(name, { node, deleted, from });
  }

  /** To be called once the fleet knows what the machine runs. */
  machineRunning(name: string): void {
    const replacement = this.replacements.get(name);
    const to = this.fleet.release(name);
    if (!replacement || !to || replacement.to) return;
    replacement.to = to;
    if (replacement.node.role !== 'controlplane') return;
    for (const earlier of this.replacements.values()) {
      if (
        earlier.node.role === 'worker' &&
        earlier.deleted.seq < replacement.deleted.seq &&
        sameChange(earlier, replacement)
      ) {
        this.violated(earlier, replacement);
      }
    }
  }

  private violated(worker: Replacement, controlPlane: Replacement): void {
    const what =
      `worker ${worker.node.name} was replaced before control plane ${controlPlane.node.name} ` +
      `in the same roll to Talos ${worker.to?.talos}`;
    const evidence = {
      worker: describe(worker),
      controlPlane: describe(controlPlane),
    };
    this.report('I2', what, evidence, worker.deleted);
  }
}

function describe({ node, deleted, from, to }: Replacement) {
  return { node: node.name, deleted, from, to };
}

/** Both came to the same versions and at least one of the versions changed, or both changed to one schematic. */
function sameChange(a: Replacement, b: Replacement): boolean {
  if (!a.to || !b.to || versions(a.to) !== versions(b.to)) return false;
  if (versions(a.from) !== versions(a.to) && versions(b.from) !== versions(b.to)) return true;
  const schematicChanged = a.from.schematic !== a.to.schematic && b.from.schematic !== b.to.schematic;
  return schematicChanged && a.to.schematic === b.to.schematic;
}

function versions({ talos, kubelet }: Release): string {
  return `${talos} ${kubelet}`;
}
