import { CommandError, type ExitCode } from './exit';

/**
 * The error of a command that found the state unreadable, with what the CLI said of it. What is done then
 * could not be written down either.
 */
export function unreadableState(stackName: string, error: unknown, exitCode: ExitCode): unknown {
  if (!(error instanceof Error)) return error;
  const said = /(?:^|\n) ?stderr: ?([\s\S]*?)(?:\n err\?:|$)/.exec(error.message)?.[1] ?? error.message;
  const backend = process.env.PULUMI_BACKEND_URL ?? "the one of 'pulumi login'";
  return new CommandError(
    `The state of stack '${stackName}' can't be read, and nothing is begun without it.\nBackend: ${backend}\n${said.trim()}`,
    exitCode,
  );
}
