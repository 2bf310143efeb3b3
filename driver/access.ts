import type { ClusterAccess } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { linstorAccess } from '../config/linstorAccess';
import { planCluster } from '../config/plan';
import type { StackConfig } from '../config/schema';
import { CommandError } from './exit';
import { decryptedConfig, decryptedOutputs } from './runSecrets';
import { secrets } from './secrets';

/** The Proxmox API token: from the stack's secrets, or else the variable that the provider itself reads. */
export async function proxmoxToken(stack: Stack): Promise<string> {
  const configured = (await decryptedConfig(stack))['prox-ops:proxmoxToken']?.value;
  const token = configured ?? process.env.PROXMOX_VE_API_TOKEN;
  if (token === undefined || token === '')
    throw new CommandError('No Proxmox token. Expected the secret prox-ops:proxmoxToken or PROXMOX_VE_API_TOKEN.');
  secrets.addToken(token);
  return token;
}

/**
 * An administrator's talosconfig, which there is before there is a Kubernetes. A secret.
 * @throws CommandError before the Talos secrets are made.
 */
export async function talosAccess(stack: Stack): Promise<string> {
  const talosconfig = (await decryptedOutputs(stack)).talosconfig?.value as unknown;
  if (typeof talosconfig !== 'string') throw new CommandError('The stack has no talosconfig yet.');
  secrets.addDocument(talosconfig);
  return talosconfig;
}

/** How to reach the cluster, from the stack's outputs. Holds secrets: never printed. */
export async function clusterAccess(stack: Stack, config: StackConfig): Promise<ClusterAccess> {
  const outputs = await decryptedOutputs(stack);
  const [kubeconfig, talosconfig] = [outputs.kubeconfig?.value as unknown, outputs.talosconfig?.value as unknown];
  if (typeof kubeconfig !== 'string' || typeof talosconfig !== 'string')
    throw new CommandError('The stack has no kubeconfig and talosconfig yet. Build the cluster first: prox-ops up');
  secrets.addDocument(kubeconfig);
  secrets.addDocument(talosconfig);
  const { linstor } = config;
  return {
    clusterName: config.cluster.name,
    kubeconfig,
    talosconfig,
    controlPlanes: planCluster(config).controlPlanes.map((node) => node.address),
    proxmoxEndpoint: config.proxmox.endpoint,
    proxmoxToken: await proxmoxToken(stack),
    ...(linstor && { linstor: linstorAccess(linstor) }),
  };
}
