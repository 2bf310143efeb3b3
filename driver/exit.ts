/** Exit codes of every prox-ops command. They are part of its interface: README.md lists them. */
export const ExitCode = {
  /** Done, or nothing to do. */
  ok: 0,
  /** Wrong use, a wrong stack file, a missing tool, or something unforeseen. Nothing was changed. */
  error: 1,
  /** Not ready: something would block the rollout. Nothing was changed. */
  blocked: 2,
  /** A node's turn failed and what had been taken down was put back. The node runs its old release. */
  putBack: 3,
  /** A node's turn failed and the node is out of the cluster or not healthy. The message says how to go on. */
  open: 4,
  /** Another run holds the stack or the cluster's lease. Nothing was changed. */
  held: 5,
  /** It is the turn of the node that this run itself runs on. Nothing is half done; the same command goes on elsewhere. */
  handedOver: 6,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command with a message for the person at the terminal, without a stack trace. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode = ExitCode.error,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}
