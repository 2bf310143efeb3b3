import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { StackConfig } from '../../config/schema';
import { validate } from '../../config/validate';

export const REPOSITORY = join(__dirname, '..', '..');

/** The properties of a stack file, without their namespace, unchecked. */
export function rawStack(file: string): Record<string, unknown> {
  const { config } = parse(readFileSync(file, 'utf8')) as { config: Record<string, unknown> };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace('prox-ops:', ''), value]));
}

/** A fresh copy of the production configuration. */
export function production(): StackConfig {
  return validate(rawStack(join(REPOSITORY, 'Pulumi.prod.yaml')));
}
