import { join } from 'node:path';
import {
  connect,
  ProxmoxClient,
  realClock,
  stepSettings,
  TalosCli,
  verifyCluster,
  type HealthReport,
} from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import type { StackConfig } from '../../config/schema';
import { clusterAccess } from '../access';
import { ExitCode } from '../exit';
import { openStack, type Project } from '../project';
import { readState } from '../state';
import { stackConfig } from '../stackFile';
import { wantedSchematics } from '../staleness';
import { expectedCluster } from '../verify/expected';
import { checksText } from '../views/checks';
import { projectFrom, type CommonOptions } from './options';

/** `prox-ops verify`: whether the cluster is all that the stack file says, with where each answer comes from. Changes nothing. */
export async function verifyCommand(options: CommonOptions): Promise<ExitCode> {
  const project = projectFrom(options);
  const stack = await openStack(project);
  const report = await verified(project, stack, await stackConfig(stack));
  process.stdout.write(`${options.json === true ? JSON.stringify(report, null, 2) : checksText(report, true)}\n`);
  return report.ok ? ExitCode.ok : ExitCode.blocked;
}

/** One round of all checks. */
export async function verified(project: Project, stack: Stack, config: StackConfig): Promise<HealthReport> {
  const access = await clusterAccess(stack, config);
  const session = await connect(access, realClock);
  const schematics = wantedSchematics(await readState(stack));
  const directory = join(project.directory, config.rollout.snapshotDirectory);
  return verifyCluster(
    { session, access, settings: stepSettings(config), clock: realClock },
    expectedCluster(config, access, schematics, directory),
    {
      talos: new TalosCli(access.talosconfig),
      proxmox: new ProxmoxClient(access.proxmoxEndpoint, access.proxmoxToken),
    },
  );
}
