/** Something that is there at times: whoever needs it waits until it is. */
export class Gate<T> {
  private value: T | undefined;
  private readonly waiting = new Set<(value: T) => void>();

  open(value: T): void {
    this.value = value;
    for (const resolve of [...this.waiting]) resolve(value);
    this.waiting.clear();
  }

  close(): void {
    this.value = undefined;
  }

  /** @throws the signal's reason when it is aborted first. */
  wait(signal: AbortSignal): Promise<T> {
    if (this.value !== undefined) return Promise.resolve(this.value);
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.waiting.delete(found);
        reject(signal.reason as Error);
      };
      const found = (value: T): void => {
        signal.removeEventListener('abort', abort);
        resolve(value);
      };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      this.waiting.add(found);
    });
  }
}
