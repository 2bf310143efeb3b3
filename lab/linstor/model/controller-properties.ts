import { CODE, OBJECT, OP } from './codes.js';
import type { Model } from './model.js';
import { applyProps, type PropsChange } from './props.js';
import type { Entry, Replies } from './replies.js';
import { sorted } from './state.js';
import { manage } from './tie-breaker.js';

/** POST controller/properties. What the controller does by itself follows the new values at once. */
export function setControllerProperties(model: Model, change: PropsChange): Entry[] {
  const replies = model.replies({ operation: OP.modify, object: OBJECT.controller });
  applyProps(model.cluster.props, change);
  for (const [key, value] of Object.entries(change.override_props ?? {})) {
    const message = `Successfully set property '${key}' to value '${value}'`;
    replies.add('success', CODE.modified, message);
  }
  for (const key of change.delete_props ?? []) reportDeleted(replies, key);
  return manageAll(model, replies);
}

/** DELETE controller/properties/{key}. */
export function deleteControllerProperty(model: Model, key: string): Entry[] {
  const replies = model.replies({ operation: OP.delete, object: OBJECT.controller });
  applyProps(model.cluster.props, { delete_props: [key] });
  reportDeleted(replies, key);
  return manageAll(model, replies);
}

function reportDeleted(replies: Replies, key: string): void {
  replies.add('success', CODE.deleted, `Successfully deleted property '${key}'`);
}

function manageAll(model: Model, replies: Replies): Entry[] {
  for (const definition of sorted(model.cluster.definitions)) manage(model, replies, definition);
  return replies.entries;
}
