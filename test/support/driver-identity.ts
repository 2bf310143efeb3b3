import { readFileSync, writeFileSync } from 'node:fs';
import { CoreV1Api, KubeConfig, type V1Role, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { parseApiPath, PERMISSIONS, type Permission, type Verb } from '../../operations/src/clients/permissions';
import type { EngineLab } from './engine-lab';

/** The add-ons' service account, as the API server names it. */
export const DRIVER_USER = 'system:serviceaccount:prox-ops:prox-ops';

export async function adminConfig(engine: EngineLab): Promise<KubeConfig> {
  const config = new KubeConfig();
  config.loadFromString(await engine.lab.parts.kubernetes.adminKubeconfig());
  return config;
}

/** Writes a kubeconfig with a token of the driver's service account, and nothing of the administrator's. */
export function writeDriverKubeconfig(engine: EngineLab, path: string): Promise<void> {
  return writeKubeconfigOf(engine, { namespace: 'prox-ops', name: 'prox-ops' }, path);
}

/** The same for any service account. */
export async function writeKubeconfigOf(
  engine: EngineLab,
  account: { namespace: string; name: string },
  path: string,
): Promise<void> {
  const admin = await adminConfig(engine);
  const request = { ...account, body: { spec: { audiences: [], expirationSeconds: 3600 } } };
  const { status } = await admin.makeApiClient(CoreV1Api).createNamespacedServiceAccountToken(request);
  const driver = new KubeConfig();
  const [cluster] = admin.clusters;
  if (!cluster || !status) throw new Error('expected a cluster and a token');
  driver.loadFromClusterAndUser(cluster, { name: account.name, token: status.token });
  writeFileSync(path, driver.exportConfig(), { mode: 0o600 });
}

/** Changes the rules of a Role of the driver for the time of `act`. */
export async function withRules(
  engine: EngineLab,
  namespace: string,
  change: (role: V1Role) => V1Role,
  act: () => Promise<void>,
): Promise<void> {
  const api = (await adminConfig(engine)).makeApiClient(RbacAuthorizationV1Api);
  const before = await api.readNamespacedRole({ name: 'prox-ops', namespace });
  await api.replaceNamespacedRole({ name: 'prox-ops', namespace, body: change(structuredClone(before)) });
  try {
    await act();
  } finally {
    const now = await api.readNamespacedRole({ name: 'prox-ops', namespace });
    await api.replaceNamespacedRole({ name: 'prox-ops', namespace, body: { ...now, rules: before.rules ?? [] } });
  }
}

interface AuditLine {
  verb: string;
  user: { username: string };
  requestURI: string;
  responseStatus?: { code?: number; message?: string };
}

export interface DriverRequests {
  /** Lines of the table that were used, as `VERB RESOURCE`. */
  used: Set<string>;
  /** Requests that no line allows. */
  unknown: string[];
  refused: string[];
}

/** What the driver's service account asked of the API server, by its audit log. */
export function driverRequests(engine: EngineLab): DriverRequests {
  const text = readFileSync(engine.lab.parts.kubernetes.auditLog, 'utf8');
  const lines = text.split('\n').filter((line) => line.includes(DRIVER_USER));
  const found: DriverRequests = { used: new Set(), unknown: [], refused: [] };
  for (const { verb, user, requestURI, responseStatus } of lines.map((line) => JSON.parse(line) as AuditLine)) {
    if (user.username !== DRIVER_USER) continue;
    const path = requestURI.split('?')[0] ?? '';
    if (responseStatus?.code === 403) found.refused.push(`${verb} ${path}`);
    const line = tableLine(verb as Verb, path);
    if (line === undefined) found.unknown.push(`${verb} ${path}`);
    else found.used.add(line);
  }
  return found;
}

/** Every verb of every line of the table. */
export function tableLines(): string[] {
  const table: readonly Permission[] = PERMISSIONS;
  return table.flatMap((permission) => permission.verbs.map((verb) => describe(verb, permission)));
}

function tableLine(verb: Verb, path: string): string | undefined {
  const target = parseApiPath(path);
  const table: readonly Permission[] = PERMISSIONS;
  const line = table.find(
    ({ group, resource, subresource, verbs }) =>
      group === target?.group &&
      resource === target.resource &&
      subresource === target.subresource &&
      verbs.includes(verb),
  );
  return line && describe(verb, line);
}

function describe(verb: string, { resource, subresource }: Permission): string {
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}
