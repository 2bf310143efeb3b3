import { parse } from 'yaml';
import { plain, secret, type Deployment, type StateEntry } from '../adopt/deployment';
import { kubeconfigClient, KUBECONFIG_TYPE, SECRETS_TYPE } from '../adopt/stateEntries';

/** Credentials of an administrator, as they are handed out. Secrets: never told. */
export interface Credentials {
  /** YAML. */
  talosconfig: string;
  /** YAML. */
  kubeconfig: string;
}

export interface TalosClient {
  /** Each base64 of PEM. */
  caCertificate: string;
  clientCertificate: string;
  clientKey: string;
}

/** The credentials in a talosconfig. @throws Error when its current context is not complete. */
export function talosClient(talosconfig: string): TalosClient {
  const config = parse(talosconfig) as {
    context?: string;
    contexts?: Record<string, { ca?: string; crt?: string; key?: string } | undefined>;
  };
  const { ca, crt, key } = config.contexts?.[config.context ?? ''] ?? {};
  if (ca === undefined || crt === undefined || key === undefined)
    throw new Error('talosconfig: expected ca, crt and key in its current context, found it without');
  return { caCertificate: ca, clientCertificate: crt, clientKey: key };
}

/**
 * The same state with other client credentials: what the provider itself writes when the end of a certificate comes near.
 * Authorities, keys and tokens of the cluster are in other properties, and stay as they are.
 * @throws Error when the state has no such resources.
 */
export function withCredentials(state: Deployment, { talosconfig, kubeconfig }: Credentials): Deployment {
  const resources = state.deployment.resources ?? [];
  const rotate = (type: string, outputs: Record<string, unknown>): StateEntry => {
    const entry = livingOf(resources, type);
    const old = entry.outputs ?? {};
    const changed: Record<string, unknown> = Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [name, like(old[name], value)]),
    );
    return { ...entry, outputs: { ...old, ...changed } };
  };
  const rotated = [
    rotate(SECRETS_TYPE, { clientConfiguration: talosClient(talosconfig) }),
    rotate(KUBECONFIG_TYPE, {
      kubeconfigRaw: kubeconfig,
      kubernetesClientConfiguration: kubeconfigClient(kubeconfig).client,
    }),
  ];
  const replaced = resources.map((entry) => rotated.find(({ urn }) => urn === entry.urn) ?? entry);
  return { ...state, deployment: { ...state.deployment, resources: replaced } };
}

/** The credentials that the state's resources have: after an interrupted rotation they are newer than the outputs. */
export function credentialsIn(resources: StateEntry[]): { clientCertificate: string; kubeconfig: string } {
  const outputsOf = (type: string) => plain(livingOf(resources, type).outputs ?? {}) as Record<string, unknown>;
  const { clientCertificate } = outputsOf(SECRETS_TYPE).clientConfiguration as TalosClient;
  return { clientCertificate, kubeconfig: String(outputsOf(KUBECONFIG_TYPE).kubeconfigRaw) };
}

function livingOf(resources: StateEntry[], type: string): StateEntry {
  const found = resources.find((entry) => entry.type === type && entry.delete !== true);
  if (!found) throw new Error(`expected a resource of type ${type} in the state, found none`);
  return found;
}

/** A value in the place of another one: secret where that one was. */
function like(old: unknown, value: unknown): unknown {
  if (isSecret(old)) return secret(value);
  if (typeof value !== 'object' || value === null) return value;
  const before = (old ?? {}) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, like(before[key], inner)]));
}

function isSecret(value: unknown): boolean {
  return typeof value === 'object' && value !== null && plain(value) !== value && 'plaintext' in value;
}
