import { type ChildProcess, spawn } from 'node:child_process';
import type { ProgramInfo, RunRequest } from '@pulumi/pulumi/proto/language_pb';
import { optionsEnv, parseOptions } from './options';

/** How the SDK's runner says that it has shown the user a full message already, so that nothing is added to it. */
const ALREADY_REPORTED = 32;

/** A command to start. */
export interface Command {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** How a program went, as the engine wants to know it. */
export interface Outcome {
  /** What to tell the user; empty when nothing is to be said. */
  readonly error: string;
  /** True when it failed and the user has been told. */
  readonly bail: boolean;
}

/** The Node command (without node itself) that runs a Pulumi program after loading `preload`. @throws Error for bad runtime options. */
export function programCommand(request: RunRequest, engineAddress: string, preload: readonly string[] = []): Command {
  const info = programInfo(request);
  const options = parseOptions(runtimeOptions(info));
  const flags: [string, string][] = [
    ['--monitor', request.getMonitorAddress()],
    ['--engine', engineAddress],
    ['--organization', request.getOrganization()],
    ['--project', request.getProject()],
    ['--root-directory', info.getRootDirectory()],
    ['--stack', request.getStack()],
    ['--pwd', info.getProgramDirectory()],
    ['--parallel', String(request.getParallel())],
  ];
  return {
    args: [
      ...options.nodeargs,
      ...preload.flatMap((module) => ['--require', module]),
      resolveRunner('@pulumi/pulumi/cmd/run', info.getProgramDirectory()),
      ...flags.filter(([, value]) => value !== '').flat(),
      ...(request.getDryrun() ? ['--dry-run'] : []),
      info.getEntryPoint(),
      ...request.getArgsList(),
    ],
    env: {
      ...process.env,
      ...optionsEnv(options),
      // In the environment, not among the arguments, which every user of this machine could read in the process list.
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(configEntries(request))),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    },
  };
}

/** The SDK expects the long form of a key: 'project:config:name'. */
function configEntries(request: RunRequest): [string, string][] {
  return request
    .getConfigMap()
    .getEntryList()
    .map(([key, value]) => [key.replace(/^([^:]+):(?:config:)?/, '$1:config:'), value]);
}

/** Where a request's program lies. @throws Error for a request of an engine too old to say. */
export function programInfo(request: { getInfo(): ProgramInfo | undefined }): ProgramInfo {
  const info = request.getInfo();
  if (!info) {
    throw new Error('expected the program in the request, found none; this language host needs Pulumi 3.200 or later');
  }
  return info;
}

/** The `runtime.options` of the program's Pulumi.yaml. */
export function runtimeOptions(info: ProgramInfo): Record<string, unknown> {
  return info.getOptions()?.toJavaScript() ?? {};
}

/** Finds one of the SDK's runners as the program itself would. @throws Error when the SDK is not installed there. */
export function resolveRunner(runner: string, directory: string): string {
  try {
    return require.resolve(runner, { paths: [directory] });
  } catch {
    throw new Error(`expected ${runner} in ${directory} or above, found none; run "npm ci" there first`);
  }
}

/** Starts a program whose output goes straight to the engine, which shows it to the user. */
export function startProgram({ args, env }: Command): ChildProcess {
  // Inherited, not passed on: everything a program wrote is then with the engine before the engine hears of its end.
  return spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Waits for a program's end. Never rejects. */
export function programOutcome(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve({ error: `Node could not be started: ${error.message}`, bail: false });
    });
    child.once('close', (code, signal) => {
      resolve(outcomeOf(code, signal));
    });
  });
}

/** What an exit code or a signal means. */
export function outcomeOf(code: number | null, signal: NodeJS.Signals | null): Outcome {
  if (code === 0) {
    return { error: '', bail: false };
  }
  if (code === ALREADY_REPORTED) {
    return { error: '', bail: true };
  }
  const how = code === null ? `was ended by ${signal}` : `exited with non-zero exit code: ${code}`;
  return { error: `Program ${how}`, bail: false };
}
