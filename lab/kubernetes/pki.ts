import { mkdirSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { issue, loadAuthority, type Authority, type IssueOptions, type Pem } from '../world/certificates.js';
import type { ClusterPki } from '../world/world.js';

/** Paths of the files that the control plane's programs read; all of mode 0600. */
export interface PkiFiles {
  ca: string;
  caKey: string;
  aggregatorCa: string;
  serviceAccountKey: string;
  serving: { crt: string; key: string };
  /** What the API server shows to extension API servers. */
  frontProxy: { crt: string; key: string };
  /** What every kubelet's API shows. */
  kubelet: { crt: string; key: string };
  kubeconfigs: { controllerManager: string; scheduler: string; kubelets: string };
}

export interface PkiOptions {
  pki: ClusterPki;
  directory: string;
  /** https URL of the API server for the lab's own programs. */
  server: string;
  /** Addresses that the API server is reached at, besides those in the configuration. */
  addresses: string[];
}

/** Writes everything the control plane needs to authenticate and to be authenticated. */
export async function writePki({ pki, directory, server, addresses }: PkiOptions): Promise<PkiFiles> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const writePair = (name: string, pair: Pem): { crt: string; key: string } => ({
    crt: write(`${name}.crt`, pair.crt),
    key: write(`${name}.key`, pair.key),
  });
  const ca = await loadAuthority(pki.ca.crt, pki.ca.key);
  const aggregator = await loadAuthority(pki.aggregatorCa.crt, pki.aggregatorCa.key);
  const kubeconfig = async (
    name: string,
    subject: Pick<IssueOptions, 'commonName' | 'organization'>,
  ): Promise<string> => write(`${name}.kubeconfig`, await clientKubeconfig(ca, pki.clusterName, server, subject));
  return {
    ca: write('ca.crt', pki.ca.crt),
    caKey: write('ca.key', pki.ca.key),
    aggregatorCa: write('aggregator-ca.crt', pki.aggregatorCa.crt),
    serviceAccountKey: write('service-account.key', pki.serviceAccountKey),
    serving: writePair('serving', await servingCertificate(pki, addresses)),
    frontProxy: writePair('front-proxy', await issue(aggregator, { commonName: FRONT_PROXY, client: true })),
    kubelet: writePair('kubelet', await issue(ca, { commonName: 'kubelet', server: true })),
    kubeconfigs: {
      controllerManager: await kubeconfig('controller-manager', { commonName: 'system:kube-controller-manager' }),
      scheduler: await kubeconfig('scheduler', { commonName: 'system:kube-scheduler' }),
      // One program stands in for every kubelet, so it can't be one node of the Node authorizer.
      kubelets: await kubeconfig('kubelets', { commonName: 'lab:kubelets', organization: 'system:masters' }),
    },
  };
}

/** The name that the API server trusts in a front proxy's certificate, and has in its own. */
export const FRONT_PROXY = 'front-proxy-client';

/** A kubeconfig with a new client certificate, as YAML (JSON is YAML). */
export async function clientKubeconfig(
  ca: Authority,
  cluster: string,
  server: string,
  subject: Pick<IssueOptions, 'commonName' | 'organization'>,
): Promise<string> {
  const { crt, key } = await issue(ca, { ...subject, client: true });
  const user = `${subject.commonName}@${cluster}`;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca.crt) } }],
    users: [{ name: user, user: { 'client-certificate-data': base64(crt), 'client-key-data': base64(key) } }],
    contexts: [{ name: user, context: { cluster, namespace: 'default', user } }],
    'current-context': user,
  });
}

/** The API server's own certificate. */
export async function servingCertificate(pki: ClusterPki, addresses: string[]): Promise<Pem> {
  return issue(await loadAuthority(pki.ca.crt, pki.ca.key), serving(pki, addresses));
}

function serving(pki: ClusterPki, addresses: string[]): IssueOptions {
  const names = new Set([
    ...['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'],
    ...['localhost', '127.0.0.1', new URL(pki.endpoint).hostname, ...pki.certSans, ...addresses],
    ...pki.serviceSubnets.filter((subnet) => isIP(subnet.split('/')[0]!) === 4).map(firstAddress),
  ]);
  return {
    commonName: 'kube-apiserver',
    dns: [...names].filter((name) => isIP(name) === 0),
    ips: [...names].filter((name) => isIP(name) !== 0),
    server: true,
  };
}

/** The address of the service 'kubernetes': the first one of the service subnet. */
function firstAddress(subnet: string): string {
  const [a, b, c, d] = subnet.split('/')[0]!.split('.').map(Number);
  return [a, b, c, d! + 1].join('.');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
