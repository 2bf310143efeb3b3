import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { RULES, type Problem } from './rules';
import { STACK_KEYS, stackShape, type StackConfig } from './schema';

/** Every problem of a stack file at once. Nothing has been changed when this is thrown. */
export class ConfigError extends Error {
  constructor(readonly problems: Problem[]) {
    const lines = problems.map((problem) => `  prox-ops:${problem.path}: ${problem.message}`);
    super(`${problems.length} problem(s) in the stack's configuration:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Checks raw configuration (one property for each key of the stack file). @throws ConfigError with every problem. */
export function validate(raw: Record<string, unknown>): StackConfig {
  const parsed = stackShape.safeParse(raw);
  if (!parsed.success) throw new ConfigError(parsed.error.issues.flatMap((issue) => fromIssue(issue, raw)));
  const problems = RULES.flatMap((rule) => rule(parsed.data));
  if (problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}

function fromIssue(issue: z.core.$ZodIssue, raw: unknown): Problem[] {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, issue.path));
  const found = valueAt(raw, issue.path);
  return [{ path, message: `${issue.message}${found === undefined ? ', found nothing' : `, found ${show(found)}`}` }];
}

function unknownKey(path: string, key: string, at: PropertyKey[]): Problem {
  const known = knownKeys(at);
  const near = nearest(key, known);
  const hint = near === undefined ? `known keys: ${known.join(', ')}` : `did you mean '${near}'?`;
  return { path: path === '' ? key : `${path}.${key}`, message: `unknown key; ${hint}` };
}

/** The keys that the schema knows at a path. */
function knownKeys(path: PropertyKey[]): string[] {
  let schema: unknown = stackShape;
  for (const key of path) schema = step(unwrap(schema), String(key));
  const object = unwrap(schema);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [...STACK_KEYS];
}

function step(schema: unknown, key: string): unknown {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<string, unknown>)[key];
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return undefined;
}

function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
    inner = inner.unwrap();
  return inner;
}

function nearest(word: string, candidates: string[]): string | undefined {
  const best = closest(word, candidates);
  return distance(word, best) <= Math.max(2, word.length / 3) ? best : undefined;
}

function valueAt(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      inner !== null && typeof inner === 'object' ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
