import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '@pulumi/pulumi/automation';
import { BEFORE_KUBERNETES, IMPORT_SECRETS } from '../../config/overrides';
import { SECRETS_TYPE } from '../adopt/stateEntries';
import { update } from '../engine';
import { stackConfig } from '../stackFile';
import { bundleText, type SecretsBundle } from './bundle';

/**
 * Puts the Talos secrets into a state that has none, by the program's own import and an update of nothing else. What the
 * engine reads is a file of this run alone, which is gone afterwards.
 */
export async function importSecrets(
  stack: Stack,
  bundle: SecretsBundle,
  onReconciled: (what: string) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'prox-ops-import-'));
  const file = join(folder, 'secrets.yaml');
  try {
    writeFileSync(file, bundleText(bundle), { mode: 0o600, flag: 'wx' });
    const options = {
      targets: await secretsUrns(stack),
      environment: { [IMPORT_SECRETS]: file, [BEFORE_KUBERNETES]: '1' },
      message: 'prox-ops secrets import',
    };
    await update(stack, options, onReconciled);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The secrets and the components that they are in (components/cluster.ts, talosSecrets.ts). */
async function secretsUrns(stack: Stack): Promise<string[]> {
  const { name: project } = await stack.workspace.projectSettings();
  const { name } = (await stackConfig(stack)).cluster;
  const chain = ['prox-ops:cluster:Cluster', 'prox-ops:talos:TalosSecrets', SECRETS_TYPE];
  return chain.map((_, index) => {
    const types = chain.slice(0, index + 1).join('$');
    return `urn:pulumi:${stack.name}::${project}::${types}::${index === 2 ? `${name}-secrets` : name}`;
  });
}
