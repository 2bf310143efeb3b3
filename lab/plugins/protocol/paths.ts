import { isMap, Secret } from './values.js';
import type { PropertyMap, Value } from './values.js';

/** Where a property is, in the form of the engine: disks[0].speed, metadata.labels["app.kubernetes.io/name"]. */
export type Path = readonly (string | number)[];

const PLAIN_NAME = /^[A-Za-z_$][A-Za-z0-9_$-]*$/;

export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!PLAIN_NAME.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** Reads the engine's property paths. A wildcard stays the name '*'. @throws Error naming the text that is no path. */
export function parsePath(text: string): Path {
  const steps: (string | number)[] = [];
  const token = /\.?([^.[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[(\*)\]/y;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) throw new Error(`property path '${text}': expected name, .name, [index] or ["name"]`);
    const [, name, index, quoted, wildcard] = match;
    if (index !== undefined) steps.push(Number(index));
    else if (quoted !== undefined) steps.push(JSON.parse(`"${quoted}"`) as string);
    else steps.push(name ?? wildcard ?? '');
  }
  return steps;
}

/** True when `inner` is `outer` or lies below it. */
export function contains(outer: Path, inner: Path): boolean {
  return outer.length <= inner.length && outer.every((step, i) => step === inner[i]);
}

export function valueAt(map: PropertyMap, path: Path): Value | undefined {
  let value: Value | undefined = map;
  for (const step of path) {
    if (value instanceof Secret) value = value.value;
    if (Array.isArray(value)) value = typeof step === 'number' ? value[step] : undefined;
    else value = isMap(value) && typeof step === 'string' ? value[step] : undefined;
  }
  return value;
}
