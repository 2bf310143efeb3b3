import type { ClusterAccess, ExpectedCluster, ExpectedNode, HeldCertificate } from '@prox-ops/operations';
import { parse } from 'yaml';
import { planCluster, type NodePlan } from '../../config/plan';
import type { StackConfig } from '../../config/schema';

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: { 'certificate-authority-data'?: string } }[];
  users?: { name: string; user: { 'client-certificate-data'?: string } }[];
}

interface Talosconfig {
  context?: string;
  contexts?: Record<string, { ca?: string; crt?: string }>;
}

/**
 * The cluster as the stack file describes it and the state's credentials vouch for it.
 * @param schematics ids by variant, as the state has them. @param snapshotDirectory absolute.
 */
export function expectedCluster(
  config: StackConfig,
  access: Pick<ClusterAccess, 'kubeconfig' | 'talosconfig'>,
  schematics: Record<string, string>,
  snapshotDirectory: string,
): ExpectedCluster {
  const { nodes, endpoint } = planCluster(config);
  const { certificates, authorities } = credentials(access);
  return {
    nodes: nodes.map((node) => expectedNode(config, node, schematics[node.variant])),
    endpoint,
    snapshotDirectory,
    certificates,
    authorities,
  };
}

function expectedNode(config: StackConfig, node: NodePlan, schematic: string | undefined): ExpectedNode {
  const { name, role, vmId, uuid, address, variant, nics, release } = node;
  return {
    name,
    role,
    vmId,
    uuid,
    address,
    release: { talos: release.talos, kubernetes: release.kubernetes },
    ...(schematic !== undefined && { schematic }),
    extensions: config.talos.extensions[variant],
    nics,
  };
}

function credentials({ kubeconfig, talosconfig }: Pick<ClusterAccess, 'kubeconfig' | 'talosconfig'>) {
  const kube = parse(kubeconfig) as Kubeconfig;
  const talos = parse(talosconfig) as Talosconfig;
  const context = kube.contexts?.find(({ name }) => name === kube['current-context'])?.context;
  const cluster = kube.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  const user = kube.users?.find(({ name }) => name === context?.user)?.user;
  const { ca, crt } = talos.contexts?.[talos.context ?? ''] ?? {};
  const clients = [
    held("client certificate of the administrator's kubeconfig", user?.['client-certificate-data']),
    held("client certificate of the administrator's talosconfig", crt),
    held('Kubernetes CA', cluster?.['certificate-authority-data']),
    held('Talos CA', ca),
  ];
  const authorities = { kubernetes: pem(cluster?.['certificate-authority-data']), talos: pem(ca) };
  return { certificates: clients.flat(), authorities };
}

/** A kubeconfig may name its user by other means than a certificate. */
function held(what: string, base64: string | undefined): HeldCertificate[] {
  return base64 === undefined ? [] : [{ what, pem: pem(base64) }];
}

function pem(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
