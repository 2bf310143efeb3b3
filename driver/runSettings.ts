import { RUN_SETTINGS, stepSettings, type RunSettings } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { linstorAccess } from '../config/linstorAccess';
import { stackConfig } from './stackFile';

/** What the steps of an update are told: the settings of the stack file as it is now, and of this run. */
export async function stepEnvironment(stack: Stack): Promise<Record<string, string>> {
  const config = await stackConfig(stack);
  const told: RunSettings = {
    settings: stepSettings(config),
    ...(config.linstor && { linstor: linstorAccess(config.linstor) }),
  };
  return { [RUN_SETTINGS]: JSON.stringify(told) };
}
