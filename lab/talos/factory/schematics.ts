import { createHash } from 'node:crypto';
import { parse, stringify } from 'yaml';

/** A schematic text that the image factory refuses; the message is its answer. */
export class SchematicError extends Error {}

interface Schematic {
  overlay?: { image: string; name: string; options?: Record<string, unknown> };
  owner?: string;
  customization: {
    extraKernelArgs?: string[];
    meta?: { key: number; value: string }[];
    systemExtensions?: { officialExtensions?: string[] };
    secureboot?: { includeWellKnownCertificates?: boolean };
    bootloader?: string;
  };
}

/** Field names in the order in which the factory writes them; it reads strictly, so that a misspelt one is an error. */
const FIELDS: Record<string, string[]> = {
  '': ['overlay', 'owner', 'customization'],
  overlay: ['image', 'name', 'options'],
  customization: ['extraKernelArgs', 'meta', 'systemExtensions', 'secureboot', 'bootloader'],
  'customization.systemExtensions': ['officialExtensions'],
  'customization.secureboot': ['includeWellKnownCertificates'],
};

/**
 * The id of a schematic: SHA-256 of its canonical YAML, whatever the given text looked like.
 * @throws SchematicError when the text is no schematic.
 */
export function canonicalSchematic(text: string): { id: string; yaml: string; extensions: string[] } {
  const schematic = read(text);
  const canonical = (pruned(schematic, '') ?? {}) as Record<string, unknown>;
  const yaml = stringify(
    { ...canonical, customization: canonical['customization'] ?? {} },
    { indent: 4, lineWidth: 0 },
  );
  return { id: sha256(yaml), yaml, extensions: schematic.customization.systemExtensions?.officialExtensions ?? [] };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function read(text: string): Schematic {
  let found: unknown;
  try {
    found = parse(text) ?? {};
  } catch (error) {
    throw new SchematicError(`yaml: ${(error as Error).message.split('\n')[0]}`);
  }
  check(found, '');
  const schematic = found as Partial<Schematic>;
  return { ...schematic, customization: schematic.customization ?? {} };
}

function check(value: unknown, path: string): void {
  const fields = FIELDS[path];
  if (!fields || value === null || value === undefined) return;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new SchematicError(`yaml: unmarshal errors:\n  cannot unmarshal ${path || 'document'} into a mapping`);
  }
  for (const [key, child] of Object.entries(value)) {
    if (!fields.includes(key)) {
      throw new SchematicError(`yaml: unmarshal errors:\n  field ${key} not found in type schematic.Schematic`);
    }
    check(child, path === '' ? key : `${path}.${key}`);
  }
}

/** Known fields in their order, without those that are empty (Go's omitempty). */
function pruned(value: unknown, path: string): unknown {
  const fields = FIELDS[path];
  if (!fields || typeof value !== 'object' || value === null) return value;
  const entries = fields
    .map((key) => [key, pruned((value as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`)] as const)
    .filter(([, child]) => !isEmpty(child));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  );
}
