import type { Props } from './state.js';

/** How every object's properties are changed. */
export interface PropsChange {
  override_props?: Props;
  delete_props?: string[];
  delete_namespaces?: string[];
}

export function applyProps(props: Props, change: PropsChange): void {
  Object.assign(props, change.override_props ?? {});
  for (const key of change.delete_props ?? []) delete props[key];
  for (const space of change.delete_namespaces ?? []) {
    for (const key of Object.keys(props)) if (key === space || key.startsWith(`${space}/`)) delete props[key];
  }
}
