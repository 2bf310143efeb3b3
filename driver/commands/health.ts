import { awaitHealthy, connect, realClock, runChecks, stepSettings, type HealthReport } from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { clusterAccess } from '../access';
import { ExitCode } from '../exit';
import { openStack } from '../project';
import { stackConfig } from '../stackFile';
import { checksText } from '../views/checks';
import { projectFrom, type CommonOptions } from './options';

export interface HealthCommandOptions extends CommonOptions {
  wait?: boolean;
}

/** `prox-ops health`: the checks that follow every node's turn, once or until they pass. Changes nothing. */
export async function healthCommand(options: HealthCommandOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  const report = await healthOf(stack, options.wait === true);
  process.stdout.write(`${options.json === true ? JSON.stringify(report, null, 2) : checksText(report)}\n`);
  return report.ok ? ExitCode.ok : ExitCode.blocked;
}

/** @param wait until the checks pass, or for rollout.healthTimeout; else one round of them. */
export async function healthOf(stack: Stack, wait = false): Promise<HealthReport> {
  const config = await stackConfig(stack);
  const access = await clusterAccess(stack, config);
  const session = await connect(access, realClock);
  const context = { session, access, settings: stepSettings(config), clock: realClock };
  if (!wait) return runChecks(context);
  const { signal } = new AbortController();
  return awaitHealthy(context, { signal, report: (message) => void process.stderr.write(`${message}\n`) });
}
