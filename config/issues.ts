import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { Problem } from './problem';
import { stackShape } from './schema';
import { withoutSecret } from './secretShapes';

const TYPES: Record<string, string> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

/** What the schema found, in our words. */
export function problemsOf(issue: z.core.$ZodIssue, raw: unknown): Problem[] {
  const at = issue.path;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(at, key));
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => keyProblem(at, inner));
  return [new Problem(at, expectedBy(issue), describe(valueAt(raw, at)))];
}

/** Every value of our schema names what it expects; the structure around them is named here. */
function expectedBy(issue: z.core.$ZodIssue): string {
  const own = /^expected (.*)$/s.exec(issue.message)?.[1];
  if (own !== undefined) return own;
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? issue.expected;
  if (issue.code === 'too_small') return `at least ${issue.minimum} of a list`;
  return issue.message;
}

function keyProblem(at: PropertyKey[], issue: z.core.$ZodIssue): Problem {
  return new Problem(at, `a key that is ${expectedBy(issue)}`, describe(at.at(-1)));
}

function unknownKey(at: PropertyKey[], key: string): Problem {
  return new Problem([...at, key], knownKey(key, knownKeys(at)), `'${key}'`);
}

/** What to expect in place of an unknown key. */
export function knownKey(key: string, known: string[]): string {
  const best = closest(key, known);
  const near = distance(key, best) <= Math.max(2, key.length / 3);
  return near ? `a known key (did you mean '${best}'?)` : `one of the keys ${known.join(', ')}`;
}

/** The keys that the schema knows at a path. */
function knownKeys(at: PropertyKey[]): string[] {
  const schema = unwrap(at.reduce<unknown>((inner, key) => step(unwrap(inner), String(key)), stackShape));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function step(schema: unknown, key: string): unknown {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<string, unknown>)[key];
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodArray) return schema.element;
  return undefined;
}

function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
    inner = inner.unwrap();
  return inner;
}

function valueAt(value: unknown, at: PropertyKey[]): unknown {
  return at.reduce<unknown>(
    (inner, key) =>
      inner !== null && typeof inner === 'object' ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/** A value as a message may show it. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = JSON.stringify(value);
  // A secret is known by its look only while it is whole.
  return text.length > 80 ? `${withoutSecret(text).slice(0, 77)}...` : text;
}
