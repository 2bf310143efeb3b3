import { KubernetesClient, realClock, TalosCli, type KubernetesNode } from '@prox-ops/operations';
import { CommandError, ExitCode } from '../exit';
import { secrets } from '../secrets';
import { bundleText, certificateOf, type SecretsBundle } from './bundle';
import { kubeconfigClient } from '../adopt/stateEntries';
import { talosClient, type Credentials } from './stateCredentials';

/**
 * New client credentials from the same authorities, each proved before it counts: a machine answers the new talosconfig,
 * and the Kubernetes API the kubeconfig that it hands out. Changes nothing.
 * @throws CommandError when either does not work.
 */
export async function newCredentials(bundle: SecretsBundle, controlPlanes: string[]): Promise<Credentials> {
  const talosconfig = await new TalosCli('').clientOf(bundleText(bundle));
  secrets.addDocument(talosconfig);
  mustBeOf(bundle.certs.os.crt, talosClient(talosconfig).clientCertificate, 'talosconfig');
  const kubeconfig = await handedOut(new TalosCli(talosconfig), controlPlanes);
  secrets.addDocument(kubeconfig);
  mustBeOf(bundle.certs.k8s.crt, kubeconfigClient(kubeconfig).client.clientCertificate, 'kubeconfig');
  await mustWork(kubeconfig);
  return { talosconfig, kubeconfig };
}

/** By the first control plane that answers the new talosconfig. */
async function handedOut(talos: TalosCli, controlPlanes: string[]): Promise<string> {
  const troubles: string[] = [];
  for (const address of controlPlanes) {
    try {
      return await talos.kubeconfig(address);
    } catch (error) {
      troubles.push(said(error));
    }
  }
  throw refused('a control plane that answers the new talosconfig', troubles.join('; '));
}

async function mustWork(kubeconfig: string): Promise<void> {
  try {
    await new KubernetesClient(kubeconfig, realClock, 0).list<KubernetesNode>('/api/v1/nodes');
  } catch (error) {
    throw refused('the Kubernetes API to answer the new kubeconfig', said(error));
  }
}

/** Another authority would be another cluster's. */
function mustBeOf(authority: string, certificate: string, what: string): void {
  if (certificateOf(certificate).verify(certificateOf(authority).publicKey)) return;
  throw refused(`a ${what} of this cluster's authority`, "another authority's");
}

function refused(expected: string, found: string): CommandError {
  return new CommandError(`Expected ${expected}, found: ${found}. Nothing was changed.`, ExitCode.blocked);
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
