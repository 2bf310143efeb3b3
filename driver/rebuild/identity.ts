import { KubernetesClient, realClock, TalosCli } from '@prox-ops/operations';
import { parse } from 'yaml';
import type { SecretsBundle } from '../talosSecrets/bundle';

/** Credentials that were handed out before the cluster went down. Secrets. */
export interface OldAccess {
  kubeconfig?: string;
  talosconfig?: string;
}

/** One thing that shows that it is the same cluster. */
export interface Proof {
  what: string;
  ok: boolean;
  found: string;
}

interface Kubeconfig {
  clusters?: { cluster: { server?: string; 'certificate-authority-data'?: string } }[];
}

interface Talosconfig {
  context?: string;
  contexts?: Record<string, { ca?: string }>;
}

/** Whether a rebuilt cluster is the one that it was: authorities, endpoint, and old credentials in use. Never throws. */
export async function proofs(
  bundle: SecretsBundle,
  endpoint: string,
  now: Required<OldAccess>,
  old: OldAccess,
  controlPlane: string,
): Promise<Proof[]> {
  const cluster = (parse(now.kubeconfig) as Kubeconfig).clusters?.[0]?.cluster;
  const { context = '', contexts } = parse(now.talosconfig) as Talosconfig;
  return [
    same('Kubernetes CA', cluster?.['certificate-authority-data'], bundle.certs.k8s.crt),
    same('Talos CA', contexts?.[context]?.ca, bundle.certs.os.crt),
    { what: 'endpoint', ok: cluster?.server === endpoint, found: cluster?.server ?? 'none' },
    ...(old.kubeconfig === undefined ? [] : [await tried('old kubeconfig', () => nodesBy(old.kubeconfig ?? ''))]),
    ...(old.talosconfig === undefined
      ? []
      : [await tried('old talosconfig', () => new TalosCli(old.talosconfig ?? '').version(controlPlane))]),
  ];
}

/** The certificate itself is no news to anybody; that it fits is. */
function same(what: string, found: string | undefined, expected: string): Proof {
  const ok = found?.trim() === expected.trim();
  return { what, ok, found: ok ? 'that of the secrets' : 'another one' };
}

async function nodesBy(kubeconfig: string): Promise<string> {
  const nodes = await new KubernetesClient(kubeconfig, realClock).list('/api/v1/nodes');
  return `${nodes?.length ?? 0} nodes`;
}

async function tried(what: string, use: () => Promise<string>): Promise<Proof> {
  try {
    return { what, ok: true, found: `works: ${await use()}` };
  } catch (error) {
    return { what, ok: false, found: error instanceof Error ? error.message : String(error) };
  }
}
