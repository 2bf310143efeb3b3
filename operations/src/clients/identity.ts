import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../runtime/errors.js';

/**
 * Environment variable with the Kubernetes identity of the steps, instead of the administrator's: the path of a
 * kubeconfig, or `in-cluster` for the service account of the pod that they run in. Never guessed: a runner may well live
 * in another cluster than the one that it rolls.
 */
export const IDENTITY_VARIABLE = 'PROX_OPS_KUBECONFIG';
const IN_CLUSTER = 'in-cluster';
/** Where Kubernetes mounts a pod's service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The kubeconfig (text) that the environment asks for; undefined when it asks for none.
 * @param root in front of the service account's folder.
 * @throws Error when it asks for one that is not to be had.
 */
export function identityFrom(env: Environment, root = ''): string | undefined {
  const asked = env[IDENTITY_VARIABLE];
  if (asked === undefined || asked === '') return undefined;
  if (asked === IN_CLUSTER) return inCluster(env, join(root, SERVICE_ACCOUNT));
  try {
    return readFileSync(asked, 'utf8');
  } catch (error) {
    throw new Error(
      `${IDENTITY_VARIABLE}: expected the path of a kubeconfig or ${IN_CLUSTER}, found ${asked} (${messageOf(error)})`,
      { cause: error },
    );
  }
}

/** Names the token's file instead of holding the token: kubelets renew it within the hour. */
function inCluster(env: Environment, folder: string): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port)
    throw new Error(
      `${IDENTITY_VARIABLE}=${IN_CLUSTER}: expected to run in a pod, found no KUBERNETES_SERVICE_HOST and _PORT`,
    );
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const tokenFile = { name: 'tokenFile', config: { tokenFile: join(folder, 'token') } };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': IN_CLUSTER,
    clusters: [{ name: IN_CLUSTER, cluster: { server, 'certificate-authority': join(folder, 'ca.crt') } }],
    contexts: [{ name: IN_CLUSTER, context: { cluster: IN_CLUSTER, user: IN_CLUSTER } }],
    users: [{ name: IN_CLUSTER, user: { 'auth-provider': tokenFile } }],
  });
}
