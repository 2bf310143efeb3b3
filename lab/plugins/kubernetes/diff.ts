import { contains, formatPath, parsePath } from '../protocol/paths.js';
import type { Path } from '../protocol/paths.js';
import type { ChangeKind, PropertyChange } from '../protocol/provider.js';
import { Unknown } from '../protocol/values.js';
import type { KubeObject } from './client.js';
import { isPlain } from './objects.js';

/**
 * The differences between the live object, cut down to its old inputs, and new inputs.
 * @param forceNew fields whose change replaces the object.
 */
export function objectDiff(
  old: KubeObject,
  inputs: KubeObject,
  forceNew: string[],
  ignoreChanges: string[],
): Map<string, PropertyChange> {
  const changes = new Map<string, PropertyChange>();
  const replacing = forceNew.map((field) => parsePath(field.replaceAll('[*]', '["*"]')));
  const ignored = ignoreChanges.map(parsePath);
  compare(old, inputs, [], (path, kind) => {
    if (ignored.some((outer) => contains(outer, path))) return;
    const replace = replacing.some((field) => touches(field, path));
    changes.set(formatPath(path), { kind, replace, inputDiff: kind === 'delete' });
  });
  return changes;
}

type Report = (path: Path, kind: ChangeKind) => void;

function compare(old: unknown, now: unknown, path: Path, report: Report): void {
  if (old === undefined && now === undefined) return;
  if (now === undefined || now === null) {
    if (old !== undefined && old !== null && !isEmpty(old)) report(path, 'delete');
  } else if (old === undefined || old === null) {
    if (!isEmpty(now)) report(path, 'add');
  } else if (Array.isArray(old) && Array.isArray(now)) {
    for (let i = 0; i < Math.max(old.length, now.length); i += 1) compare(old[i], now[i], [...path, i], report);
  } else if (isPlain(old) && isPlain(now) && !(now instanceof Unknown)) {
    const names = new Set([...Object.keys(old), ...Object.keys(now)]);
    for (const name of names) compare(old[name], now[name], [...path, name], report);
  } else if (old !== now && !sameQuantity(old, now)) {
    report(path, 'update');
  }
}

/** An empty list or map is dropped by the API server. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isPlain(value) && !(value instanceof Unknown) && Object.keys(value).length === 0;
}

/** A changed path and a field touch when one lies within the other. */
function touches(field: Path, path: Path): boolean {
  const shared = Math.min(field.length, path.length);
  return field.slice(0, shared).every((step, i) => step === path[i] || (step === '*' && typeof path[i] === 'number'));
}

const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** The API server rewrites quantities: 0.5 comes back as 500m. */
function sameQuantity(old: unknown, now: unknown): boolean {
  const [a, b] = [quantity(old), quantity(now)];
  return a !== undefined && b !== undefined && Math.abs(a - b) <= 1e-9 * Math.abs(a);
}

function quantity(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)(n|u|m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.exec(value);
  return match ? Number(match[1]) * (SUFFIXES[match[2] ?? ''] ?? 1) : undefined;
}
