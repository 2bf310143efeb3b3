/**
 * An action stops on purpose: what it expected and what it found. The step around it undoes its own writes, and adds
 * what was left and the command that goes on (a StepError).
 */
export class Stop extends Error {
  constructor(
    readonly expected: string,
    readonly found: string,
    /** The way on, where it is another than the step's usual one. */
    readonly next?: string,
  ) {
    super(`expected ${expected}; found ${found}`);
    this.name = 'Stop';
  }
}

/**
 * The lease no longer carries this run, or the engine that asked for the step is gone: whatever this process would
 * write now, undo included, would interfere with the run that came after it.
 */
export class Fenced extends Error {
  constructor(readonly found: string) {
    super(`no longer allowed to write: ${found}`);
    this.name = 'Fenced';
  }
}

/** The text of anything thrown. Clients put neither bodies nor headers into their messages. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  // fetch says only 'fetch failed'; what failed is its cause.
  return cause instanceof Error ? `${error.message}: ${cause.message || cause.name}` : error.message;
}
