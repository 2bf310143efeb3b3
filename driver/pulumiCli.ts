import { spawn } from 'node:child_process';
import type { Deployment, Stack } from '@pulumi/pulumi/automation';
import { CommandError } from './exit';

/**
 * Puts a state into a stack. Through a pipe: the Automation API would write it, its secrets in plain text, into a file that
 * everybody on the machine may read, and leave it there when the import fails. @throws CommandError.
 */
export async function importState({ name, workspace }: Stack, state: Deployment): Promise<void> {
  const environment = { ...process.env, ...workspace.envVars };
  await runPulumi(['stack', 'import', '--stack', name], workspace.workDir, environment, JSON.stringify(state));
}

/** Runs the Pulumi CLI to its end; secrets go in by `input` alone. @throws CommandError with what it said last. */
export function runPulumi(args: string[], cwd: string, environment: NodeJS.ProcessEnv, input = ''): Promise<string> {
  const all = [...args, '--non-interactive', '--color', 'never'];
  return new Promise((resolvePromise, reject) => {
    // Out of reach of the terminal's Ctrl-C: a state that is being written is written.
    const child = spawn('pulumi', all, { cwd, env: environment, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const words: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => words.push(chunk));
    child.on('error', (error) => reject(new CommandError(`Could not start the Pulumi CLI: ${error.message}`)));
    child.on('close', (code) => {
      const text = Buffer.concat(out).toString();
      if (code === 0) return resolvePromise(text);
      const said = whyItFailed(`${text}\n${Buffer.concat(words).toString()}`);
      reject(new CommandError(`pulumi ${args.slice(0, 2).join(' ')} failed:\n${said}`));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** What the CLI printed from its first error on; its last lines when it named none. */
function whyItFailed(printed: string): string {
  const lines = printed.trim().split('\n');
  const first = lines.findIndex((line) => /\berror: /.test(line));
  return (first < 0 ? lines.slice(-20) : lines.slice(first, first + 20)).join('\n');
}
