import { planCluster, type NodePlan } from '../../config/plan';
import type { StackConfig } from '../../config/schema';
import { differenceBetween, type Difference } from '../../config/upgradePath';

/** Whether a merged change starts a rollout by itself, and who has to agree. */
export interface Decision {
  roll: boolean;
  why: string;
  /** Of the control planes' Talos release. */
  difference: Difference;
  /** Whether somebody has to approve another major release. */
  major: boolean;
}

const SERIOUS: Difference[] = ['none', 'patch', 'minor', 'older', 'major'];

/**
 * A rollout starts by itself when what the control planes are made from has changed (R000-8): their Talos or Kubernetes
 * release, or the schematic of their image. A change that concerns workers alone never does; it goes with the next
 * rollout, or is started by hand.
 */
export function decide(before: StackConfig, after: StackConfig): Decision {
  const known = new Map(planCluster(before).controlPlanes.map((node) => [node.name, node]));
  const kept = planCluster(after).controlPlanes.flatMap((node) => {
    const was = known.get(node.name);
    return was ? [{ node, was }] : [];
  });
  const changed = kept.flatMap(({ node, was }) => {
    const what = changesOf(was, node, before, after);
    return what.length === 0 ? [] : [{ what: what.join(', '), difference: talosDifference(was, node) }];
  });
  const difference = changed.map((change) => change.difference).sort(bySeriousness)[0] ?? 'none';
  const why =
    changed.length === 0
      ? 'nothing that control planes are made from has changed'
      : [...new Set(changed.map(({ what }) => what))].join('; ');
  return { roll: changed.length > 0, why, difference, major: difference === 'major' };
}

function changesOf(was: NodePlan, now: NodePlan, before: StackConfig, after: StackConfig): string[] {
  const { release: old } = was;
  const { release: wanted } = now;
  const changes = [];
  if (old.talos !== wanted.talos) changes.push(`Talos ${old.talos} -> ${wanted.talos}`);
  if (old.kubernetes !== wanted.kubernetes) changes.push(`Kubernetes ${old.kubernetes} -> ${wanted.kubernetes}`);
  if (schematicOf(before, was) !== schematicOf(after, now)) changes.push('another schematic');
  return changes;
}

/** What the image factory makes the schematic from; the order of extensions does not matter to it. */
function schematicOf({ talos }: StackConfig, { variant }: NodePlan): string {
  const extensions = [...talos.extensions[variant]].sort();
  return JSON.stringify([extensions, talos.kernelArgs[variant] ?? []]);
}

function talosDifference(was: NodePlan, now: NodePlan): Difference {
  return differenceBetween(was.release.talos, now.release.talos);
}

function bySeriousness(left: Difference, right: Difference): number {
  return SERIOUS.indexOf(right) - SERIOUS.indexOf(left);
}
