import type { Unknowns } from './unknowns';

export interface Leaf {
  /** `spec.containers[0].image` */
  path: string;
  /** The last property name of the path, without indexes. */
  key: string;
  value: string | number | boolean;
}

/** Every value inside a resource's inputs that is known. What is unknown is noted, and does not end the walk. */
export function walk(props: unknown, unknowns: Unknowns, visit: (leaf: Leaf) => void, path = '', key = ''): void {
  if (typeof props === 'string' || typeof props === 'number' || typeof props === 'boolean') {
    visit({ path, key, value: props });
    return;
  }
  if (props === null || typeof props !== 'object') return;
  for (const name of Object.keys(props)) {
    // Through the SDK's proxy: reading an unknown value throws.
    const inner = unknowns.attempt(() => (props as Record<string, unknown>)[name]);
    const isIndex = Array.isArray(props);
    const next = isIndex ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    walk(inner, unknowns, visit, next, isIndex ? key : name);
  }
}
