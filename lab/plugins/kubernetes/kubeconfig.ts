import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';

/** One API server and the credentials for it. */
export interface ClusterAccess {
  server: string;
  ca?: string;
  insecure: boolean;
  cert?: string;
  key?: string;
  token?: string;
  /** The context's default namespace. */
  namespace?: string;
}

interface Named<K extends string, T> {
  entries: ({ name: string } & Record<K, T>)[];
}

interface Cluster {
  server: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
}

interface User {
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  token?: string;
  tokenFile?: string;
  exec?: object;
  'auth-provider'?: object;
}

interface Kubeconfig {
  'current-context'?: string;
  clusters?: Named<'cluster', Cluster>['entries'];
  contexts?: Named<'context', { cluster: string; user: string; namespace?: string }>['entries'];
  users?: Named<'user', User>['entries'];
}

/**
 * Reads a kubeconfig: its content or its path; without either the files of KUBECONFIG or ~/.kube/config.
 * @throws Error saying what is missing in it.
 */
export function loadKubeconfig(setting: string, choice: { context?: string; cluster?: string }): ClusterAccess {
  const { config, directory } = read(setting);
  const contextName = choice.context || config['current-context'] || '';
  const context = config.contexts?.find(({ name }) => name === contextName)?.context;
  if (!context) throw new Error(`kubeconfig: context "${contextName}" does not exist`);
  const clusterName = choice.cluster || context.cluster;
  const cluster = config.clusters?.find(({ name }) => name === clusterName)?.cluster;
  if (!cluster) throw new Error(`kubeconfig: cluster "${clusterName}" does not exist`);
  const user = config.users?.find(({ name }) => name === context.user)?.user ?? {};
  if (user.exec || user['auth-provider']) {
    throw new Error(`kubeconfig: user "${context.user}" needs a login program, which the lab's plugin does not run`);
  }
  return access(cluster, user, context.namespace, directory);
}

function access(cluster: Cluster, user: User, namespace: string | undefined, directory: string): ClusterAccess {
  const content = (data: string | undefined, file: string | undefined): string | undefined => {
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    return file === undefined ? undefined : readFileSync(resolve(directory, file), 'utf8');
  };
  const ca = content(cluster['certificate-authority-data'], cluster['certificate-authority']);
  const cert = content(user['client-certificate-data'], user['client-certificate']);
  const key = content(user['client-key-data'], user['client-key']);
  const token = user.token ?? content(undefined, user.tokenFile)?.trim();
  return {
    server: cluster.server.replace(/\/+$/, ''),
    insecure: cluster['insecure-skip-tls-verify'] === true,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(token !== undefined && { token }),
    ...(namespace !== undefined && { namespace }),
  };
}

function read(setting: string): { config: Kubeconfig; directory: string } {
  if (setting.includes('\n') || setting.trimStart().startsWith('{')) {
    return { config: parseConfig(setting, 'kubeconfig'), directory: process.cwd() };
  }
  const files = setting === '' ? ambientFiles() : [setting];
  const file = files.find((candidate) => existsSync(candidate));
  if (file === undefined) throw new Error(`kubeconfig: expected a file at ${files.join(' or ')}, found none`);
  return { config: parseConfig(readFileSync(file, 'utf8'), file), directory: dirname(file) };
}

function ambientFiles(): string[] {
  const variable = process.env['KUBECONFIG'] ?? '';
  return variable === '' ? [resolve(homedir(), '.kube/config')] : variable.split(':').filter((path) => path !== '');
}

function parseConfig(text: string, name: string): Kubeconfig {
  const config: unknown = parse(text);
  if (typeof config !== 'object' || config === null)
    throw new Error(`${name}: expected a kubeconfig, found other text`);
  return config;
}
