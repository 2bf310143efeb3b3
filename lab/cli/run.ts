import { CommanderError } from 'commander';
import { EXIT, LabError } from '../daemon/errors.js';
import { ToolsError } from '../tools/errors.js';
import type { Output } from './context.js';
import { buildProgram } from './program.js';

/** Runs `prox-ops lab ARGS`. @returns the exit code. */
export async function runCli(args: readonly string[], output: Output): Promise<number> {
  let exitCode: number = EXIT.done;
  try {
    await buildProgram(output, (code) => (exitCode = code)).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, output);
  }
}

/** One message for what a person can mend; a stack trace for what nobody foresaw. */
function explain(error: unknown, { err }: Output): number {
  // commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const known = error instanceof LabError || error instanceof ToolsError || error instanceof RangeError;
  const message = error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
  err(`prox-ops lab: ${message}\n`);
  if (error instanceof RangeError) return EXIT.usage;
  return error instanceof LabError ? error.exitCode : EXIT.failed;
}
