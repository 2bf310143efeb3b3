import type { Stack } from '@pulumi/pulumi/automation';
import { planCluster } from '../../config/plan';
import { healthOf } from '../commands/health';
import { agesText, mustBeThere } from '../commands/secrets';
import { installedVersions } from '../commands/versions';
import { knownPins } from '../pins';
import { secrets } from '../secrets';
import { stackConfig } from '../stackFile';
import { stackStatus } from '../stackStatus';
import { agesOf } from '../talosSecrets/ages';
import { heldSecrets } from '../talosSecrets/held';
import { compareVersions } from '../versions';
import { checksText } from '../views/checks';
import { findingsOf, type Looked } from './checks';
import type { Finding } from './issues';

/** Makes the scheduled checks. One that cannot be made is not well; it keeps no other from being made. */
export async function lookAfter(stack: Stack): Promise<Finding[]> {
  const [health, versions, ages] = [
    await looked(async () => {
      const report = await healthOf(stack);
      return { report, text: checksText(report) };
    }),
    await looked(async () => ({ versions: await versionsOf(stack), stale: (await stackStatus(stack)).stale })),
    await looked(async () => {
      const held = mustBeThere(await heldSecrets(stack), stack.name);
      const found = agesOf(held, new Date());
      return { ages: found, text: agesText(held, found) };
    }),
  ];
  return findingsOf(stack.name, { health, versions, secrets: ages });
}

async function looked<T>(look: () => Promise<T>): Promise<Looked<T>> {
  try {
    return { found: await look() };
  } catch (error) {
    return { trouble: secrets.clean(error instanceof Error ? error.message : String(error)) };
  }
}

async function versionsOf(stack: Stack) {
  const config = await stackConfig(stack);
  return compareVersions(knownPins(), config, planCluster(config).nodes, await installedVersions(stack));
}
