import type { Stack } from '@pulumi/pulumi/automation';
import { plain, type Deployment, type StateEntry } from '../adopt/deployment';
import { SECRETS_TYPE } from '../adopt/stateEntries';
import { ExitCode } from '../exit';
import { secrets } from '../secrets';
import { unreadableState } from '../unreadable';
import { bundleOf, bundleText, type SecretsBundle } from './bundle';

/** The Talos secrets as the stack's state holds them. */
export interface HeldSecrets {
  urn: string;
  bundle: SecretsBundle;
  /** When they were made or imported. */
  created?: Date;
  /** Certificate of the administrator's talosconfig, base64 of PEM. */
  clientCertificate?: string;
  /** What nobody may delete by accident. */
  protected: boolean;
}

/** @returns undefined when the state has none. @throws CommandError when the state can't be read. */
export async function heldSecrets(stack: Stack): Promise<HeldSecrets | undefined> {
  const entry = (await stateEntries(stack)).find(
    ({ type, delete: doomed }) => type === SECRETS_TYPE && doomed !== true,
  );
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
  };
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
