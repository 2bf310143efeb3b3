import { createHash } from 'node:crypto';
import type { ClusterAccess, Clock } from '../contract.js';
import { messageOf } from '../runtime/errors.js';
import { identityFrom } from './identity.js';
import { KubernetesClient, type Kubernetes } from './kubernetes.js';
import { httpTransport, LinstorClient, type Linstor } from './linstor.js';
import { forwardTransport } from './linstorForward.js';
import { ProxmoxClient, type Proxmox } from './proxmox.js';
import { TalosCli, type Talos } from './talos.js';

/** The clients of one cluster. */
export interface Session {
  kubernetes: Kubernetes;
  talos: Talos;
  proxmox: Proxmox;
  /** Absent: the cluster has no LINSTOR. */
  linstor?: Linstor;
  /** Whether the Kubernetes identity came from the environment: then it may be another cluster's. */
  givenIdentity?: boolean;
}

/** One provider host serves the steps of many nodes: it loads libraries and opens connections once. */
const sessions = new Map<string, Promise<Session>>();

/**
 * The clients for `access`, shared by every step of this process. The environment's Kubernetes identity goes before the
 * administrator's.
 * @param patient whether a blip of the Kubernetes API is sat out: false where it may well be gone for good.
 * @throws when a kubeconfig is needed and none is to be had.
 */
export async function connect(access: ClusterAccess, clock: Clock, { patient = true } = {}): Promise<Session> {
  const identity = identityFrom(process.env);
  const key = fingerprint({ access, identity, patient });
  const known = sessions.get(key);
  if (known) return known;
  const opened = open(access, clock, identity, patient);
  sessions.set(key, opened);
  // A failure is not remembered: the next step may find the control plane up.
  opened.catch(() => sessions.delete(key));
  return opened;
}

/** Names secrets without telling them. */
function fingerprint(secrets: object): string {
  return createHash('sha256').update(JSON.stringify(secrets)).digest('hex');
}

async function open(
  access: ClusterAccess,
  clock: Clock,
  identity: string | undefined,
  patient: boolean,
): Promise<Session> {
  const talos = new TalosCli(access.talosconfig);
  const kubeconfig = identity ?? (access.kubeconfig || (await kubeconfigFromTalos(talos, access.controlPlanes)));
  const kubernetes = new KubernetesClient(kubeconfig, clock, ...(patient ? [] : [0]));
  const proxmox = new ProxmoxClient(access.proxmoxEndpoint, access.proxmoxToken);
  const givenIdentity = identity !== undefined;
  return { kubernetes, talos, proxmox, ...linstorClient(access, kubernetes), givenIdentity };
}

function linstorClient(access: ClusterAccess, kubernetes: Kubernetes): Pick<Session, 'linstor'> {
  if (!access.linstor) return {};
  const { url } = access.linstor;
  return { linstor: new LinstorClient(url ? httpTransport(url) : forwardTransport(kubernetes, access.linstor)) };
}

/** A node's identity outlives kubeconfigs and has none: the first control plane that answers hands one out. */
async function kubeconfigFromTalos(talos: Talos, controlPlanes: string[]): Promise<string> {
  const troubles: string[] = [];
  for (const address of controlPlanes) {
    try {
      return await talos.kubeconfig(address);
    } catch (error) {
      troubles.push(messageOf(error));
    }
  }
  throw new Error(
    `expected a kubeconfig from one of the control planes, found: ${troubles.join('; ') || 'no control plane'}`,
  );
}
