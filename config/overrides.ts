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

/**
 * Environment variable that is 1 for an update which ends before there is a Kubernetes: machines are made and configured,
 * etcd is not bootstrapped, and what needs a cluster is left out (a provider would be asked for all the same, and with it
 * the kubeconfig that it depends on). For a state without a cluster alone: what is left out would be deleted from it.
 */
export const BEFORE_KUBERNETES = 'PROX_OPS_BEFORE_KUBERNETES';

/**
 * Environment variable with settings for one run, `{"linstor":{"settleTimeout":2700}}`: the stack file stays as it is
 * (`prox-ops roll --set`).
 */
export const SETTINGS = 'PROX_OPS_SETTINGS';

/** Sections whose settings one run may have of its own: how nodes are replaced, and nothing of what they are. */
export const SETTABLE = ['rollout', 'linstor'] as const;
export type Settings = Partial<Record<(typeof SETTABLE)[number], Record<string, unknown>>>;

/** The configuration with other settings. @throws ConfigError for what is no setting of the stack, or has no such value. */
export function withSettings(config: StackConfig, text: string | undefined): StackConfig {
  if (text === undefined || text === '') return config;
  const settings = JSON.parse(text) as Settings;
  const absent = SETTABLE.filter((section) => settings[section] !== undefined && config[section] === undefined);
  if (absent.length > 0)
    throw new ConfigError(absent.map((section) => new Problem([section], 'this section, because it is set', 'none')));
  const changed = SETTABLE.filter((section) => settings[section] !== undefined).map((section) => [
    section,
    { ...config[section], ...settings[section] },
  ]);
  return validate({ ...config, ...(Object.fromEntries(changed) as object) });
}

/** Whether this update ends before there is a Kubernetes. */
export function endsBeforeKubernetes(env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return env[BEFORE_KUBERNETES] === '1';
}

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
