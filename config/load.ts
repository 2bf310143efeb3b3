import * as pulumi from '@pulumi/pulumi';
import type { StackConfig } from './schema';
import { STACK_KEYS } from './schema';
import { IMPORT_SECRETS, RELEASE_OVERRIDES, SETTINGS, withImport, withOverrides, withSettings } from './overrides';
import { ConfigError, Problem } from './problem';
import { validate } from './validate';

export interface Loaded {
  config: StackConfig;
  /** USER@REALM!ID=UUID */
  proxmoxToken: pulumi.Output<string>;
}

/** Reads the stack's configuration: the only place that does. @throws RunError with every problem at once. */
export function load(): Loaded {
  const source = new pulumi.Config('prox-ops');
  return told(() => ({ config: configFrom(rawConfig(source)), proxmoxToken: proxmoxToken(source) }));
}

/** The engine shows a RunError as it is; of any other error it shows a stack trace, which says nothing to an operator. */
function told<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ConfigError ? new pulumi.RunError(error.message) : error;
  }
}

/** The configuration without credentials; undefined when the stack has none of ours. @throws as `load`. */
export function loadConfig(): StackConfig | undefined {
  const raw = rawConfig(new pulumi.Config('prox-ops'));
  return Object.keys(raw).length === 0 ? undefined : told(() => configFrom(raw));
}

/** All that `loadConfig` reads, as text: the same text makes the same configuration. */
export function configSource(): string {
  return JSON.stringify([pulumi.runtime.allConfig(), process.env[RELEASE_OVERRIDES], process.env[IMPORT_SECRETS]]);
}

function rawConfig(source: pulumi.Config): Record<string, unknown> {
  const raw: Record<string, unknown> = {};
  for (const key of STACK_KEYS) {
    const value = source.getObject<unknown>(key);
    if (value !== undefined) raw[key] = value;
  }
  return raw;
}

function configFrom(raw: Record<string, unknown>): StackConfig {
  const settled = withSettings(validate(raw), process.env[SETTINGS]);
  const config = withOverrides(settled, process.env[RELEASE_OVERRIDES]);
  return withImport(config, process.env[IMPORT_SECRETS]);
}

/** From the stack's secrets, or else the environment variable that the Proxmox provider itself reads. */
function proxmoxToken(source: pulumi.Config): pulumi.Output<string> {
  const token = source.getSecret('proxmoxToken');
  if (token) return token;
  const fromEnvironment = process.env.PROXMOX_VE_API_TOKEN;
  if (fromEnvironment !== undefined && fromEnvironment !== '') return pulumi.secret(fromEnvironment);
  throw new ConfigError([
    new Problem(['proxmoxToken'], 'this secret, or PROXMOX_VE_API_TOKEN in the environment', 'neither'),
  ]);
}
