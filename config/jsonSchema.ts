import { z } from 'zod';
import { stackShape, STACK_KEYS } from './schema';
import { SECRET_KEYS } from './secretKeys';

type JsonSchema = Record<string, unknown>;

/**
 * JSON Schema (draft 7, which editors know) of a whole stack file: what can be said of a value by itself. The rules
 * across fields are beyond it.
 */
export function stackFileSchema(): JsonSchema {
  const { properties, required, additionalProperties } = stackSchema();
  const ours = Object.fromEntries(STACK_KEYS.map((key) => [`prox-ops:${key}`, (properties as JsonSchema)[key]]));
  const secrets = Object.fromEntries(
    Object.entries(SECRET_KEYS).map(([key, what]) => [`prox-ops:${key}`, encrypted(what)]),
  );
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Stack file of prox-ops',
    type: 'object',
    properties: {
      config: {
        type: 'object',
        description: 'Durations are seconds, memory is MiB, disks are GiB, addresses are IPv4.',
        properties: { ...ours, ...secrets },
        required: (required as string[]).map((key) => `prox-ops:${key}`),
        // Configuration of Pulumi and of its providers.
        patternProperties: { '^(?!prox-ops:)[^:]+:[^:]+': {} },
        additionalProperties,
      },
      encryptionsalt: { type: 'string', description: 'Written by Pulumi: salt of the passphrase.' },
      encryptedkey: { type: 'string', description: 'Written by Pulumi: key of the secrets provider.' },
      secretsprovider: { type: 'string', description: 'Who encrypts the secrets of this stack.' },
      environment: { description: 'Pulumi ESC environments.' },
    },
    required: ['config'],
    additionalProperties: false,
  };
}

function stackSchema(): JsonSchema {
  return z.toJSONSchema(stackShape, { target: 'draft-7', io: 'input', override: ({ jsonSchema }) => tidy(jsonSchema) });
}

/** Leaves out what no editor knows (formats that a pattern says already) and what limits nothing. */
function tidy(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.pattern !== undefined) delete schema.format;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

function encrypted(description: string): JsonSchema {
  return {
    type: 'object',
    description,
    properties: { secure: { type: 'string', description: 'Written by `pulumi config set --secret`.' } },
    required: ['secure'],
    additionalProperties: false,
  };
}
