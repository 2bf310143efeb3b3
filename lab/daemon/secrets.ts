import { parse, parseAllDocuments } from 'yaml';
import type { Secret } from '../monitor/index.js';
import type { ClusterPki } from '../world/world.js';

/** Where a machine configuration (v1alpha1) keeps secrets. */
const MACHINE_SECRETS = [
  'machine.token',
  'machine.ca.key',
  'cluster.secret',
  'cluster.token',
  'cluster.secretboxEncryptionSecret',
  'cluster.aescbcEncryptionSecret',
  'cluster.ca.key',
  'cluster.aggregatorCA.key',
  'cluster.serviceAccount.key',
  'cluster.etcd.ca.key',
];

/** The Talos secrets in a machine configuration, for the monitor to look for. Keys are there in base64 as well as in PEM. */
export function machineSecrets(configuration: string): Secret[] {
  const documents = parseAllDocuments(configuration).map((document) => document.toJS() as unknown);
  const main = documents.find((document) => at(document, 'version') === 'v1alpha1');
  return MACHINE_SECRETS.flatMap((path) => {
    const value = at(main, path);
    // A worker has the authorities' certificates, and empty keys.
    return typeof value === 'string' && value !== '' ? withDecoded(`Talos secret ${path}`, value) : [];
  });
}

/** The private keys of a cluster's authorities. */
export function pkiSecrets({ ca, aggregatorCa, serviceAccountKey }: ClusterPki): Secret[] {
  return [
    { label: 'Kubernetes CA key', value: ca.key },
    { label: 'Kubernetes aggregator CA key', value: aggregatorCa.key },
    { label: 'Kubernetes service account key', value: serviceAccountKey },
  ];
}

/** The client keys in a kubeconfig. */
export function kubeconfigSecrets(kubeconfig: string): Secret[] {
  const { users = [] } = parse(kubeconfig) as { users?: { name: string; user?: Record<string, string> }[] };
  return users.flatMap(({ name, user }) => {
    const key = user?.['client-key-data'];
    return key === undefined ? [] : withDecoded(`kubeconfig key of ${name}`, key);
  });
}

function withDecoded(label: string, value: string): Secret[] {
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.startsWith('-----BEGIN')
    ? [
        { label, value },
        { label, value: text },
      ]
    : [{ label, value }];
}

function at(object: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], object);
}
