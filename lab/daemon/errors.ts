/** Exit codes of `prox-ops lab`, as its help says. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  occupied: 4,
  unproven: 5,
} as const;

/** What a person can mend: the message says what was expected, what was found and what to do. */
export class LabError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = EXIT.failed,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'LabError';
  }
}
