import type { Slot, StackConfig } from './schema';
import { ConfigError, Problem } from './problem';
import { validate } from './validate';

/**
 * Environment variable with release slots of single nodes, `{"k8s-work-1":"a"}`, for one update: how an abort puts a
 * node back on its previous release without touching the stack file.
 */
export const RELEASE_OVERRIDES = 'PROX_OPS_RELEASE_OVERRIDES';

/**
 * Environment variable with the path of a secrets.yaml, for the one update that makes the Talos secrets of a stack whose
 * state has none (`prox-ops secrets import`).
 */
export const IMPORT_SECRETS = 'PROX_OPS_IMPORT_SECRETS';

/** The configuration with another place to take the Talos secrets from. */
export function withImport(config: StackConfig, file: string | undefined): StackConfig {
  if (file === undefined || file === '') return config;
  return { ...config, talos: { ...config.talos, importSecrets: file } };
}

/** The configuration with single nodes on another slot. @throws ConfigError for an unknown node or an empty slot. */
export function withOverrides(config: StackConfig, text: string | undefined): StackConfig {
  if (text === undefined || text === '') return config;
  const overrides = JSON.parse(text) as Record<string, Slot>;
  const nodes = { ...config.nodes };
  for (const [name, release] of Object.entries(overrides)) {
    const node = nodes[name];
    if (!node)
      throw new ConfigError([new Problem(['nodes', name], `a node, because ${RELEASE_OVERRIDES} names it`, 'none')]);
    nodes[name] = { ...node, release };
  }
  return validate({ ...config, nodes });
}
