import type { Change } from '../changes';

export const ACTIONS = ['replace', 'delete', 'create', 'update', 'other'] as const;

/** What an update would do to one resource. */
export interface PlannedChange {
  action: (typeof ACTIONS)[number];
  /** `HealthGate` */
  type: string;
  name: string;
  node: string | undefined;
  /** Property paths that differ, as the provider says; of an update and a replacement. */
  paths: string[];
}

/** The steps of a preview, one entry a resource. Components and the stack itself are made of nothing. */
export function plannedChanges(changes: Change[]): PlannedChange[] {
  return changes.filter(isReal).map((change) => {
    const action = actionOf(change);
    const paths = action === 'update' || action === 'replace' ? (change.paths ?? []) : [];
    return {
      action,
      type: change.type.split(/[:/]/).at(-1) ?? change.type,
      name: change.name,
      node: change.node,
      paths,
    };
  });
}

function isReal({ type }: Change): boolean {
  return type !== 'pulumi:pulumi:Stack' && !/^prox-ops:/.test(type);
}

function actionOf({ ops }: Change): PlannedChange['action'] {
  const has = (pattern: RegExp) => ops.some((op) => pattern.test(op));
  if (has(/replace/)) return 'replace';
  if (has(/^create/)) return 'create';
  if (has(/^delete/)) return 'delete';
  return has(/^update/) ? 'update' : 'other';
}
