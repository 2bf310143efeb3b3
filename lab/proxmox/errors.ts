/** A refusal as Proxmox VE gives it: HTTP status, reason phrase, and what is wrong with which parameter. */
export class PveError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly errors?: Record<string, string>,
  ) {
    super(reason);
  }
}

/** What a `die` in Proxmox' API becomes: HTTP 500, or the exit status of a task. */
export function refusal(reason: string): PveError {
  return new PveError(500, reason);
}

/** HTTP 400 with the parameters that were wrong. */
export function badParameters(errors: Record<string, string>): PveError {
  return new PveError(400, 'Parameter verification failed.', errors);
}

/** The text of any error for a task's exit status: one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof PveError && error.errors) {
    const details = Object.entries(error.errors).map(([key, text]) => `${key}: ${text}`);
    return [error.reason, ...details].join(' ');
  }
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
