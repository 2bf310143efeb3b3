import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Call } from '../protocol/provider.js';
import { member, scalar, text, texts } from '../protocol/read-value.js';
import type { PropertyMap } from '../protocol/values.js';
import { findAssets, toArchive } from './assets.js';

/** What an earlier run printed, offered to the command in these variables. */
const PREVIOUS = { stdout: 'PULUMI_COMMAND_STDOUT', stderr: 'PULUMI_COMMAND_STDERR' } as const;

/**
 * Runs one command with the settings of its resource. Its output goes line by line to the engine's display as far as
 * `logging` says. @returns the outputs. @throws Error with the exit status, the command and everything it printed.
 */
export async function runCommand(
  command: string,
  inputs: PropertyMap,
  previous: PropertyMap,
  call: Pick<Call, 'log' | 'signal'>,
): Promise<PropertyMap> {
  const interpreter = texts(inputs['interpreter']);
  const [program = '', ...args] = [...(interpreter.length > 0 ? interpreter : ['/bin/sh', '-c']), command];
  const dir = text(inputs['dir']) || process.cwd();
  const env = { ...process.env, ...environment(inputs), ...previousOutput(inputs, previous) };
  const child = spawn(program, args, { cwd: dir, env, signal: call.signal, killSignal: 'SIGKILL' });
  const output = { stdout: '', stderr: '', both: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
      output.both += chunk;
    });
    if (isLogged(text(inputs['logging']), name)) logLines(child[name], call);
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end(text(inputs['stdin']));
  const failure = await ended(child);
  if (failure) throw new Error(`${failure}: running ${JSON.stringify(command)}:\n${output.both}`);
  return { ...(await files(dir, inputs)), stdout: chomp(output.stdout), stderr: chomp(output.stderr) };
}

function environment(inputs: PropertyMap): Record<string, string> {
  const variables = Object.entries(member(inputs['environment']) ?? {});
  return Object.fromEntries(variables.map(([name, value]) => [name, scalar(value)]));
}

function previousOutput(inputs: PropertyMap, previous: PropertyMap): Record<string, string> {
  if (inputs['addPreviousOutputInEnv'] === false) return {};
  const present = Object.entries(PREVIOUS).filter(([name]) => text(previous[name]) !== '');
  return Object.fromEntries(present.map(([name, variable]) => [variable, text(previous[name])]));
}

function isLogged(logging: string, stream: 'stdout' | 'stderr'): boolean {
  return logging === '' || logging === 'stdoutAndStderr' || logging === stream;
}

function logLines(stream: Readable, call: Pick<Call, 'log'>): void {
  createInterface({ input: stream }).on('line', (line) => call.log('info', line));
}

/** What went wrong, or undefined. */
function ended(child: ReturnType<typeof spawn>): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal === null ? `exit status ${code}` : `signal: ${signal}`);
    });
  });
}

async function files(dir: string, inputs: PropertyMap): Promise<PropertyMap> {
  const [assets, archive] = [inputs['assetPaths'], inputs['archivePaths']];
  return {
    ...(assets !== undefined && { assets: await findAssets(dir, texts(assets)) }),
    ...(archive !== undefined && { archive: toArchive(await findAssets(dir, texts(archive))) }),
  };
}

function chomp(output: string): string {
  return output.endsWith('\n') ? output.slice(0, -1) : output;
}
