import { readFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import type { LabDirectory } from './directory.js';

/** What a shell or a child process needs to work against the lab. */
export interface LabEnvironment {
  /** No secrets among them. */
  variables: Record<string, string>;
  /** Variables whose values are secrets, and the files (mode 0600) that hold them. */
  fromFiles: Record<string, string>;
  /** To be put before what PATH has. */
  path: string[];
}

export interface EnvironmentSources {
  directory: LabDirectory;
  /** Absolute paths of the programs that somebody may call from a shell or that the engine calls. */
  programs: readonly string[];
  /** Folders with launchers and provider plugins; they win over what PATH has. */
  folders: readonly string[];
  /** https://ADDRESS:8006/ */
  proxmoxEndpoint: string;
  stack: string;
  /** Milliseconds that the provider plugins wait where the real ones wait a second. */
  pluginPoll: number;
}

export function labEnvironment(sources: EnvironmentSources): LabEnvironment {
  const { directory, programs, folders, proxmoxEndpoint, stack, pluginPoll } = sources;
  return {
    variables: {
      PULUMI_HOME: directory.pulumiHome,
      // Written after every step: without the backend's own metadata, which takes a checksum of the whole state each time.
      PULUMI_BACKEND_URL: `file://${directory.state}?metadata=skip`,
      // The engine and talosctl end after seconds: memory is cheaper here than collecting it.
      GOGC: 'off',
      GOMEMLIMIT: '1GiB',
      PULUMI_CONFIG_PASSPHRASE_FILE: directory.passphrase,
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      // A copy of the state after every step is worth its time for a real cluster, not for this one.
      PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: 'true',
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
      PULUMI_STACK: stack,
      PROXMOX_VE_ENDPOINT: proxmoxEndpoint,
      PROX_OPS_PLUGIN_POLL_MS: String(pluginPoll),
      SSL_CERT_FILE: directory.trust,
      NODE_EXTRA_CA_CERTS: directory.authority,
    },
    fromFiles: { PROXMOX_VE_API_TOKEN: directory.proxmoxToken },
    path: [...new Set([...folders, ...programs.map((program) => dirname(program))])],
  };
}

/** The whole environment of a child process, on top of `base`. It holds secrets: not to be printed. */
export function resolveEnvironment(environment: LabEnvironment, base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const secrets: NodeJS.ProcessEnv = {};
  for (const [name, file] of Object.entries(environment.fromFiles)) secrets[name] = readFileSync(file, 'utf8').trim();
  const path = [...environment.path, ...(base['PATH'] ? [base['PATH']] : [])].join(delimiter);
  // A passphrase of the caller would win over the lab's file.
  return {
    ...base,
    PULUMI_CONFIG_PASSPHRASE: undefined,
    ...environment.variables,
    ...secrets,
    PATH: path,
  };
}

/** Lines for a shell to `eval`. A secret is read from its file by the shell; it does not stand in a line. */
export function exportLines({ variables, fromFiles, path }: LabEnvironment): string[] {
  return [
    `export PATH=${quote(path.join(delimiter))}"\${PATH:+:$PATH}"`,
    'unset PULUMI_CONFIG_PASSPHRASE',
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`),
    ...Object.entries(fromFiles).map(([name, file]) => `export ${name}="$(cat ${quote(file)})"`),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
