import type { Stack } from '@pulumi/pulumi/automation';
import { plain, type Deployment, type StateEntry } from '../adopt/deployment';
import { KUBECONFIG_TYPE, SECRETS_TYPE } from '../adopt/stateEntries';
import { ExitCode } from '../exit';
import { secrets } from '../secrets';
import { unreadableState } from '../unreadable';
import { bundleOf, bundleText, type SecretsBundle } from './bundle';

const PROXMOX_PROVIDER = 'pulumi:providers:proxmoxve';

/** The Talos secrets as the stack's state holds them. */
export interface HeldSecrets {
  urn: string;
  bundle: SecretsBundle;
  /** When they were made or imported. */
  created?: Date;
  /** Certificate of the administrator's talosconfig, base64 of PEM. */
  clientCertificate?: string;
  /** Certificate of the administrator's kubeconfig, base64 of PEM. */
  kubeconfigCertificate?: string;
  /** Since when the Proxmox provider has its token. */
  tokenSince?: Date;
  /** What nobody may delete by accident. */
  protected: boolean;
}

/** @returns undefined when the state has none. @throws CommandError when the state can't be read. */
export async function heldSecrets(stack: Stack): Promise<HeldSecrets | undefined> {
  const entries = (await stateEntries(stack)).filter(({ delete: doomed }) => doomed !== true);
  const entry = entries.find(({ type }) => type === SECRETS_TYPE);
  if (!entry) return undefined;
  const outputs = plain(entry.outputs ?? {}) as {
    machineSecrets?: Parameters<typeof bundleOf>[0];
    clientConfiguration?: { clientCertificate?: string };
  };
  if (!outputs.machineSecrets) return undefined;
  const bundle = bundleOf(outputs.machineSecrets);
  secrets.addDocument(bundleText(bundle));
  const { created } = entry;
  const certificate = outputs.clientConfiguration?.clientCertificate;
  return {
    urn: entry.urn,
    bundle,
    protected: entry.protect === true,
    ...(typeof created === 'string' && { created: new Date(created) }),
    ...(certificate !== undefined && { clientCertificate: certificate }),
    ...kubeconfigOf(entries),
    ...tokenOf(entries),
  };
}

function kubeconfigOf(entries: StateEntry[]): Pick<HeldSecrets, 'kubeconfigCertificate'> {
  const entry = entries.find(({ type }) => type === KUBECONFIG_TYPE);
  const outputs = plain(entry?.outputs ?? {}) as { kubernetesClientConfiguration?: { clientCertificate?: string } };
  const certificate = outputs.kubernetesClientConfiguration?.clientCertificate;
  return certificate === undefined ? {} : { kubeconfigCertificate: certificate };
}

/** A provider is changed in the state when what it is configured with changes: its endpoint, or its token. */
function tokenOf(entries: StateEntry[]): Pick<HeldSecrets, 'tokenSince'> {
  const provider = entries.find(({ type }) => type === PROXMOX_PROVIDER);
  const since = provider?.modified ?? provider?.created;
  return typeof since === 'string' ? { tokenSince: new Date(since) } : {};
}

/** A state whose Proxmox provider has its token since that moment. */
export function withTokenSince(state: Deployment, when: Date): Deployment {
  const resources = (state.deployment.resources ?? []).map((entry) =>
    entry.type === PROXMOX_PROVIDER ? { ...entry, modified: when.toISOString() } : entry,
  );
  return { ...state, deployment: { ...state.deployment, resources } };
}

/** Every resource of a state, with its secrets in plain text: not to be told. */
export async function stateEntries(stack: Stack): Promise<StateEntry[]> {
  try {
    const exported: Deployment = await stack.exportStack();
    return exported.deployment.resources ?? [];
  } catch (error) {
    throw unreadableState(stack.name, error, ExitCode.blocked);
  }
}
