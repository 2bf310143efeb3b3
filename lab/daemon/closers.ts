/** Things to be ended, in the reverse of the order in which they were begun. */
export class Closers {
  private readonly closers: (() => unknown)[] = [];
  private readonly end = new AbortController();
  private closing: Promise<void> | undefined;

  /** Aborted before anything is ended: what waits gives up then, and does not keep its closing waiting. */
  get signal(): AbortSignal {
    return this.end.signal;
  }

  add(close: () => unknown): void {
    this.closers.push(close);
  }

  /** Ends everything, even when some of it can't be ended. @throws the first of what was thrown. */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    this.end.abort();
    const errors: unknown[] = [];
    for (const close of this.closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
