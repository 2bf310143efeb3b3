import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { PulumiCommand } from '@pulumi/pulumi/automation';
import * as automationErrors from '@pulumi/pulumi/automation/errors';

/** What the Automation API makes of a call of the CLI. */
interface CallResult {
  stdout: string;
  stderr: string;
  code: number;
  err?: Error;
  toString: () => string;
}

/** As the API has it for a call without an exit code. */
const NOT_STARTED = -2;

type Listener = ((text: string) => void) | undefined;
/** Of the API's own `PulumiCommand`; its declarations leave it out. */
type Run = (
  args: string[],
  cwd: string,
  environment: NodeJS.ProcessEnv,
  onOutput?: Listener,
  onError?: Listener,
  signal?: AbortSignal,
) => Promise<CallResult>;

/** Knows a lock that is held, and a stack that there is not, by what the CLI says. */
const { createCommandError } = automationErrors as unknown as { createCommandError: (result: CallResult) => Error };

/**
 * The Pulumi CLI, each call of it in a process group of its own. A terminal sends its Ctrl-C to the whole group of the
 * command that it runs: an engine in ours would get it from there and again from us, which to it is the wish to be
 * terminated in the middle of a step; and it would end with the terminal. The Automation API has no setting for that.
 */
export async function engineCommand(): Promise<PulumiCommand> {
  const cli = await PulumiCommand.get();
  const run: Run = (args, cwd, environment, onOutput, onError, signal) =>
    call(cli.command, args, cwd, environment, onOutput, onError, signal);
  return Object.assign(cli, { run });
}

function call(
  command: string,
  args: string[],
  cwd: string,
  environment: NodeJS.ProcessEnv,
  onOutput: Listener,
  onError: Listener,
  signal: AbortSignal | undefined,
): Promise<CallResult> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment, PULUMI_AUTOMATION_API: 'true' };
    const all = [...args, '--non-interactive'];
    const child = spawn(command, all, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout = collected(child.stdout, onOutput);
    const stderr = collected(child.stderr, onError);
    const interrupt = () => child.kill('SIGINT');
    signal?.addEventListener('abort', interrupt);
    child.on('error', (error) => {
      reject(failed(NOT_STARTED, `${command}: ${error.message}`, error));
    });
    child.on('close', (code) => {
      signal?.removeEventListener('abort', interrupt);
      if (code === 0) resolve({ stdout: stdout().replace(/\r?\n$/, ''), stderr: stderr(), code });
      else reject(failed(code ?? NOT_STARTED, `pulumi ${args[0]} failed\n${stderr()}\n${stdout()}`));
    });
  });
}

/** @returns the way to all that the stream has said so far. */
function collected(stream: Readable, listener: Listener): () => string {
  const chunks: string[] = [];
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    chunks.push(chunk);
    listener?.(chunk);
  });
  return () => chunks.join('');
}

function failed(code: number, stderr: string, err?: Error): Error {
  const text = `code: ${code}\n stderr: ${stderr}`;
  return createCommandError({ stdout: '', stderr, code, ...(err && { err }), toString: () => text });
}
