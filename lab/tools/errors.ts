/** Tools could not be had. The message says for each what was expected, what was found and what to do. */
export class ToolsError extends Error {
  override readonly name = 'ToolsError';
}

/** The last lines of a program's output: where a compiler says what is wrong. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** The message of anything that was thrown, with the cause that Node's fetch hides behind "fetch failed". */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** Whether an error or a compiler's output says that the disk is full. */
export function isDiskFull(text: string): boolean {
  return /ENOSPC|no space left on device/i.test(text);
}
