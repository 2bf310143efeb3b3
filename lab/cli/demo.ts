import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { type LabEnvironment, resolveEnvironment } from '../daemon/environment.js';
import { EXIT, LabError } from '../daemon/errors.js';
import { commandFor } from '../daemon/record.js';
import type { Judgement } from '../monitor/index.js';
import { duration } from '../tools/progress.js';
import { createLabProject } from '../inventory/project.js';
import { LabNetwork } from '../world/network.js';
import { clientOf, projectDirectory, type Output, type Target } from './context.js';
import { type DemoStep, demoSteps } from './demo-steps.js';
import { down } from './down.js';
import { startDaemon } from './start-daemon.js';
import { prepare, type UpOptions } from './up.js';
import { judgementExitCode, judgementText } from './verdict-view.js';

/** Where the driver keeps the event logs and reports of its runs, below the project's directory. */
const DRIVER_LOGS = join('.prox-ops', 'runs');
/** What a shell says of a command that Ctrl-C ended. */
const INTERRUPTED = 128 + constants.signals.SIGINT;

export interface DemoOptions extends UpOptions {
  /** Leave the lab running. */
  keep?: boolean;
}

/**
 * The whole story in one command: lab up, the steps, the monitor's verdict, lab down. Ctrl-C ends the step that runs
 * and takes the lab down. Resolves with 0 only when every step succeeded and every invariant was watched and held.
 */
export async function demo(target: Target, options: DemoOptions, output: Output): Promise<number> {
  const began = Date.now();
  const interrupted = interruptions();
  const labOptions = await prepare(target, options);
  try {
    await startDaemon(labOptions, target.directory);
    output.out(`lab '${target.name}' is up on 127.${labOptions.base}.0.0/16`);
    const exitCode = await inLab(target, output, interrupted.signal);
    output.out(
      `\n${exitCode === EXIT.done ? pc.green('Done') : pc.red('Failed')} after ${duration(Date.now() - began)}`,
    );
    return exitCode;
  } finally {
    if (options.keep) output.out(`The lab goes on running; stop it with: ${commandFor('down', target.name)}`);
    else await down(target, output).catch((error: unknown) => ignoreNotRunning(error));
    interrupted.stop();
  }
}

async function inLab(target: Target, output: Output, signal: AbortSignal): Promise<number> {
  const client = clientOf(target);
  const environment = resolveEnvironment(await client.ask<LabEnvironment>('GET', '/environment'), process.env);
  const project = makeProject(target, client.record.base);
  await client.ask('POST', '/monitor/scan', { path: join(project, DRIVER_LOGS) });
  const steps = demoSteps(target, projectDirectory());
  let exitCode: number = EXIT.done;
  for (const [index, step] of steps.entries()) {
    // A Ctrl-C while the lab was starting: no step has heard of it, and none is to begin.
    if (signal.aborted) return INTERRUPTED;
    output.out(`\n${pc.bold(`${index + 1}/${steps.length} ${step.title}`)}`);
    exitCode = await runStep(step, { env: environment, cwd: project }, signal);
    if (signal.aborted) exitCode = INTERRUPTED;
    if (exitCode === EXIT.done) continue;
    output.err(`${step.title}: ended with exit code ${exitCode}\n`);
    break;
  }
  const judgement = await client.ask<Judgement>('GET', '/monitor');
  output.out(`\n${judgementText(judgement)}`);
  return exitCode === EXIT.done ? judgementExitCode(judgement) : exitCode;
}

/** A project of the lab's own: a new release is written to its stack file, and the checkout stays as it is. */
function makeProject({ directory }: Target, base: number): string {
  const project = join(directory.path, 'project');
  createLabProject({ directory: project, repository: projectDirectory(), network: new LabNetwork(base) });
  return project;
}

/** A terminal's Ctrl-C reaches the step by itself; a signal to this process alone is passed on. */
function runStep(
  { command: [program, ...args] }: DemoStep,
  where: { env: NodeJS.ProcessEnv; cwd: string },
  signal: AbortSignal,
): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', ...where });
  const passOn = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', passOn, { once: true });
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, by) => resolve(code ?? 128 + constants.signals[by ?? 'SIGTERM']));
  }).finally(() => signal.removeEventListener('abort', passOn));
}

/** Turns Ctrl-C and the like into an abort, so that what was started is stopped before this process ends. */
function interruptions(): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, abort);
  return {
    signal: controller.signal,
    stop: () => signals.forEach((name) => process.off(name, abort)),
  };
}

function ignoreNotRunning(error: unknown): void {
  if (!(error instanceof LabError) || error.exitCode !== EXIT.notRunning) throw error;
}
