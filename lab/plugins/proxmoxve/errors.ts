/** The form in which bridged providers report what went wrong. */
export function describe(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('1 error occurred:')) return error as Error;
  return new Error(`1 error occurred:\n\t* ${message}\n\n`, { cause: error });
}
