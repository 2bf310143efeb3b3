import type { z } from 'zod';
import { problemsOf } from './issues';
import { ConfigError, Problem } from './problem';
import { RULES } from './rules/index';
import { stackShape, STACK_KEYS, type StackConfig } from './schema';
import { secretShape } from './secretShapes';
import { nodeShape } from './shapes/nodes';

type Raw = Record<string, unknown>;

/** Checks raw configuration (one property for each key of the stack file). @throws ConfigError with every problem. */
export function validate(raw: Raw): StackConfig {
  const { config, problems } = inspect(raw);
  if (!config || problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Every problem there is, and the configuration when its shape is right. The rules see as much as is of the right shape. */
export function inspect(raw: Raw): { config?: StackConfig; problems: Problem[] } {
  const parsed = stackShape.safeParse(raw);
  const secrets = plainSecrets(raw, []);
  if (parsed.success) {
    const broken = RULES.flatMap((rule) => rule.check(parsed.data));
    return { config: parsed.data, problems: [...secrets, ...broken] };
  }
  const shape = parsed.error.issues.flatMap((issue) => problemsOf(issue, raw));
  return { problems: [...shape, ...secrets, ...rulesAsFarAsPossible(raw)] };
}

/** The rules whose sections are of the right shape by themselves. */
function rulesAsFarAsPossible(raw: Raw): Problem[] {
  const usable = usableParts(raw);
  return RULES.filter(({ needs, everyNode }) => {
    const known = needs.every((section) => section in usable.config);
    return known && (usable.everyNode || !everyNode);
  }).flatMap((rule) => rule.check(usable.config as StackConfig));
}

/** Sections of the right shape, leaving out unknown keys; of the nodes, those that are. */
function usableParts(raw: Raw): { config: Partial<StackConfig>; everyNode: boolean } {
  const config: Raw = {};
  for (const section of STACK_KEYS.filter((key) => key !== 'nodes')) {
    const parsed = lenient(stackShape.shape[section], raw[section]);
    if (parsed.success) config[section] = parsed.data;
  }
  if (!isMapping(raw.nodes)) return { config, everyNode: false };
  const nodes = Object.entries(raw.nodes).map(([name, node]) => ({ name, parsed: lenient(nodeShape, node) }));
  config.nodes = Object.fromEntries(
    nodes.filter(({ parsed }) => parsed.success).map(({ name, parsed }) => [name, parsed.data]),
  );
  return { config, everyNode: nodes.every(({ parsed }) => parsed.success) };
}

/** Parses as though unknown keys were not there. */
function lenient(schema: z.ZodType, value: unknown): z.ZodSafeParseResult<unknown> {
  const first = schema.safeParse(value);
  if (first.success || !isMapping(value)) return first;
  const copy = structuredClone(value);
  for (const issue of first.error.issues) {
    if (issue.code !== 'unrecognized_keys') return first;
    const owner = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)[key], copy);
    for (const key of issue.keys) delete (owner as Raw)[key];
  }
  return schema.safeParse(copy);
}

function isMapping(value: unknown): value is Raw {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Secrets in plain text, anywhere in the configuration. */
export function plainSecrets(value: unknown, at: PropertyKey[]): Problem[] {
  if (typeof value === 'string') {
    const what = secretShape(value);
    return what === undefined ? [] : [new Problem(at, 'no secret in plain text', `what looks like ${what}`)];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => plainSecrets(inner, [...at, key]));
}
