import {
  awaitHealthy,
  connect,
  probeOnRequest,
  realClock,
  runChecks,
  stepSettings,
  type HealthReport,
} from '@prox-ops/operations';
import type { Stack } from '@pulumi/pulumi/automation';
import { clusterAccess } from '../access';
import { ExitCode } from '../exit';
import { watchInterrupts } from '../interrupts';
import { openStack } from '../project';
import { stackConfig } from '../stackFile';
import { checksText } from '../views/checks';
import { projectFrom, type CommonOptions } from './options';

export interface HealthCommandOptions extends CommonOptions {
  wait?: boolean;
}

/**
 * `prox-ops health`: the checks that follow every node's turn, once or until they pass. Changes nothing but for the
 * network's probe, a Job that is deleted again, after a Ctrl-C as well.
 */
export async function healthCommand(options: HealthCommandOptions): Promise<ExitCode> {
  const stack = await openStack(projectFrom(options));
  return interruptible(async (signal) => {
    const report = await healthOf(stack, { wait: options.wait === true, probe: true, signal });
    if (signal.aborted) return ExitCode.interrupted;
    process.stdout.write(`${options.json === true ? JSON.stringify(report, null, 2) : checksText(report)}\n`);
    return report.ok ? ExitCode.ok : ExitCode.blocked;
  });
}

export interface HealthLook {
  /** Until the checks pass, or for rollout.healthTimeout; else one round of them. */
  wait?: boolean;
  /** Whether a Job may show the network of one worker. Otherwise nothing is changed. */
  probe?: boolean;
  signal?: AbortSignal;
}

export async function healthOf(stack: Stack, look: HealthLook = {}): Promise<HealthReport> {
  const { wait = false, probe = false, signal = new AbortController().signal } = look;
  const config = await stackConfig(stack);
  const access = await clusterAccess(stack, config);
  const session = await connect(access, realClock);
  const context = {
    session,
    access,
    settings: stepSettings(config),
    clock: realClock,
    ...(probe && { probe: probeOnRequest(session, access, signal) }),
  };
  if (!wait) return runChecks(context);
  return awaitHealthy(context, { signal, report: (message) => void process.stderr.write(`${message}\n`) });
}

/** Ctrl-C once: what was begun is put away first. Twice: stop now. */
async function interruptible(act: (signal: AbortSignal) => Promise<ExitCode>): Promise<ExitCode> {
  const interrupts = watchInterrupts(
    () => undefined,
    () => process.exit(ExitCode.interrupted),
  );
  try {
    return await act(interrupts.signal);
  } catch (error) {
    if (interrupts.signal.aborted) return ExitCode.interrupted;
    throw error;
  } finally {
    interrupts.close();
  }
}
