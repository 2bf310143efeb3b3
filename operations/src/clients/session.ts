import { createHash } from 'node:crypto';
import type { ClusterAccess, Clock } from '../contract.js';
import { messageOf } from '../runtime/errors.js';
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
}

/** One provider host serves the steps of many nodes: it loads libraries and opens connections once. */
const sessions = new Map<string, Promise<Session>>();

/** The clients for `access`, shared by every step of this process. @throws when a kubeconfig is needed and none is to be had. */
export async function connect(access: ClusterAccess, clock: Clock): Promise<Session> {
  const key = fingerprint(access);
  const known = sessions.get(key);
  if (known) return known;
  const opened = open(access, clock);
  sessions.set(key, opened);
  // A failure is not remembered: the next step may find the control plane up.
  opened.catch(() => sessions.delete(key));
  return opened;
}

/** Names an access without telling it. */
function fingerprint(access: ClusterAccess): string {
  return createHash('sha256').update(JSON.stringify(access)).digest('hex');
}

async function open(access: ClusterAccess, clock: Clock): Promise<Session> {
  const talos = new TalosCli(access.talosconfig);
  const kubeconfig = access.kubeconfig || (await kubeconfigFromTalos(talos, access.controlPlanes));
  const kubernetes = new KubernetesClient(kubeconfig, clock);
  const proxmox = new ProxmoxClient(access.proxmoxEndpoint, access.proxmoxToken);
  return { kubernetes, talos, proxmox, ...linstorClient(access, kubernetes) };
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
