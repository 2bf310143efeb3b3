import { DiffResponse, PropertyDiff } from '@pulumi/pulumi/proto/provider_pb.js';
import { parsePath } from './paths.js';
import type { Difference, PropertyChange } from './provider.js';

/** A difference in the engine's words: changed and replacing top-level keys, and each changed path in detail. */
export function diffResponse(difference: Difference): DiffResponse {
  const keys = new Set(difference.plainKeys);
  const replaces = new Set(difference.replaces);
  const response = new DiffResponse();
  for (const [path, change] of difference.changes) {
    const key = String(parsePath(path)[0]);
    keys.add(key);
    if (change.replace) replaces.add(key);
    response.getDetaileddiffMap().set(path, propertyDiff(change));
  }
  const changed = keys.size > 0 || replaces.size > 0;
  return response
    .setChanges(changed ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE)
    .setDiffsList([...keys].sort())
    .setReplacesList([...replaces].sort())
    .setHasdetaileddiff(difference.plainKeys === undefined)
    .setDeletebeforereplace(difference.deleteBeforeReplace === true && replaces.size > 0);
}

function propertyDiff(change: PropertyChange): PropertyDiff {
  const { Kind } = PropertyDiff;
  const kinds = {
    add: [Kind.ADD, Kind.ADD_REPLACE],
    delete: [Kind.DELETE, Kind.DELETE_REPLACE],
    update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
  } as const;
  return new PropertyDiff().setKind(kinds[change.kind][change.replace ? 1 : 0]).setInputdiff(change.inputDiff === true);
}
