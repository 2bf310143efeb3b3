import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type handleUnaryCall, type sendUnaryData, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { ILanguageRuntimeServer } from '@pulumi/pulumi/proto/language_grpc_pb';
import {
  AboutResponse,
  DependencyInfo,
  GetProgramDependenciesResponse,
  GetRequiredPackagesResponse,
  GetRequiredPluginsResponse,
  InstallDependenciesResponse,
  LanguageHandshakeResponse,
  RunPluginResponse,
  type RunPluginRequest,
  type RunRequest,
  RunResponse,
  RuntimeOptionsResponse,
} from '@pulumi/pulumi/proto/language_pb';
import { PluginInfo } from '@pulumi/pulumi/proto/plugin_pb';
import { version as sdkVersion } from '@pulumi/pulumi/package.json';
import { streamChild } from './child-stream';
import { programDependencies } from './dependencies';
import { messageOf } from './message';
import { optionsEnv, parseOptions } from './options';
import { programCommand, programInfo, programOutcome, resolveRunner, runtimeOptions, startProgram } from './program';

/** The state behind the service: whom the programs talk to, and which of them run. */
export class LanguageHost {
  private readonly children = new Set<ChildProcess>();

  /** `onEngine` is called with the engine's address whenever it becomes known. */
  constructor(
    private readonly onEngine: (address: string) => void,
    readonly preload: readonly string[],
  ) {}

  private address = '';

  get engineAddress(): string {
    return this.address;
  }

  set engineAddress(address: string) {
    this.address = address;
    this.onEngine(address);
  }

  /** Remembers a child until its end, so that it can be ended with this host. */
  adopt(child: ChildProcess): ChildProcess {
    this.children.add(child);
    child.once('close', () => this.children.delete(child));
    child.once('error', () => this.children.delete(child));
    return child;
  }

  /** Ends everything that runs. A program whose engine is gone can register nothing any more. */
  endPrograms(): void {
    for (const child of this.children) {
      child.kill('SIGKILL');
    }
  }
}

/** The gRPC methods of a language plugin for Node. Code generation and packing are the CLI release's business. */
export function languageService(host: LanguageHost): ILanguageRuntimeServer {
  return {
    handshake: unary((call) => {
      host.engineAddress = call.request.getEngineAddress();
      return new LanguageHandshakeResponse();
    }),
    getPluginInfo: unary(() => new PluginInfo().setVersion(sdkVersion)),
    // Empty on purpose: every registration carries its package's version already, and a list would make the engine
    // look for downloads of plugins that lie on PATH.
    getRequiredPackages: unary(() => new GetRequiredPackagesResponse()),
    getRequiredPlugins: unary(() => new GetRequiredPluginsResponse()),
    run: unary((call) => runProgram(host, call)),
    installDependencies: (call) => {
      streamChild(call, () => installCommand(host, call.request), {
        stdout: (bytes) => new InstallDependenciesResponse().setStdout(bytes),
        stderr: (bytes) => new InstallDependenciesResponse().setStderr(bytes),
      });
    },
    runtimeOptionsPrompts: unary(() => new RuntimeOptionsResponse()),
    about: unary(() => new AboutResponse().setExecutable(process.execPath).setVersion(process.version)),
    getProgramDependencies: unary((call) => {
      const directory = programInfo(call.request).getProgramDirectory();
      const found = programDependencies(directory, call.request.getTransitivedependencies());
      return new GetProgramDependenciesResponse().setDependenciesList(
        found.map(({ name, version }) => new DependencyInfo().setName(name).setVersion(version)),
      );
    }),
    runPlugin: (call) => {
      streamChild(call, () => startPlugin(host, call.request), {
        stdout: (bytes) => new RunPluginResponse().setStdout(bytes),
        stderr: (bytes) => new RunPluginResponse().setStderr(bytes),
      });
    },
    cancel: unary((call) => {
      host.endPrograms();
      return call.request;
    }),
    generateProgram: unimplemented('GenerateProgram (pulumi convert)'),
    generateProject: unimplemented('GenerateProject (pulumi convert, pulumi new)'),
    generatePackage: unimplemented('GeneratePackage (pulumi package add, gen-sdk)'),
    pack: unimplemented('Pack'),
    link: unimplemented('Link (pulumi package add)'),
  };
}

async function runProgram(host: LanguageHost, call: ServerUnaryCall<RunRequest, RunResponse>): Promise<RunResponse> {
  if (call.request.getAttachDebugger()) {
    return new RunResponse().setError(
      '--attach-debugger is not supported by this language host; set the runtime option nodeargs to --inspect-brk in Pulumi.yaml instead',
    );
  }
  try {
    const child = host.adopt(startProgram(programCommand(call.request, host.engineAddress, host.preload)));
    // The engine gave up, or is gone.
    call.once('cancelled', () => child.kill('SIGKILL'));
    const { error, bail } = await programOutcome(child);
    return new RunResponse().setError(error).setBail(bail);
  } catch (error) {
    return new RunResponse().setError(messageOf(error));
  }
}

interface WithInfo {
  getInfo(): ReturnType<RunRequest['getInfo']>;
}

function installCommand(host: LanguageHost, request: WithInfo): ChildProcess {
  const info = programInfo(request);
  const cwd = info.getProgramDirectory();
  const { production } = parseOptions(runtimeOptions(info));
  // `npm ci` takes exactly what the lock file says and never rewrites it.
  const verb = existsSync(join(cwd, 'package-lock.json')) ? 'ci' : 'install';
  const args = [verb, '--no-audit', '--no-fund', ...(production ? ['--omit=dev'] : [])];
  return host.adopt(spawn('npm', args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** Plugins and policy packs that are Node programs, for engines that start them through the language host. */
function startPlugin(host: LanguageHost, request: RunPluginRequest): ChildProcess {
  const info = programInfo(request);
  const directory = info.getProgramDirectory();
  const options = parseOptions(runtimeOptions(info));
  const isPolicyPack = request.getKind() === 'analyzer';
  const runner = isPolicyPack ? '@pulumi/pulumi/cmd/run-policy-pack' : '@pulumi/pulumi/cmd/run-plugin';
  const args = request.getArgsList();
  // A policy pack's runner takes the engine's address first and runs in the pack's folder; a plugin's the other way round.
  const words = isPolicyPack ? [...args, directory] : [directory, ...args];
  const env = Object.fromEntries(request.getEnvList().map(splitAssignment));
  return host.adopt(
    spawn(process.execPath, [...options.nodeargs, resolveRunner(runner, directory), ...words], {
      cwd: isPolicyPack ? directory : request.getPwd(),
      env: { ...(request.getEnvList().length === 0 ? process.env : env), ...optionsEnv(options) },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

function splitAssignment(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** A method that answers once, or fails with what it threw. */
function unary<Q, R>(answer: (call: ServerUnaryCall<Q, R>) => R | Promise<R>): handleUnaryCall<Q, R> {
  return (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>) => {
    Promise.resolve()
      .then(() => answer(call))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback({ code: status.UNKNOWN, details: messageOf(error) }),
      );
  };
}

function unimplemented<Q, R>(what: string): handleUnaryCall<Q, R> {
  const details = `${what}: this language host only runs programs; use the language host of the Pulumi CLI's own release`;
  return (_call, callback) => callback({ code: status.UNIMPLEMENTED, details });
}
