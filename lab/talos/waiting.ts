/** Resolves when `condition` holds, asking again whenever `subscribe` calls back. @throws the signal's reason. */
export function until(
  condition: () => boolean,
  subscribe: (listener: () => void) => () => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let stop = (): void => undefined;
    const end = (): void => {
      stop();
      signal.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(signal.reason as Error);
    };
    const look = (): void => {
      if (!condition()) return;
      end();
      resolve();
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    stop = subscribe(look);
    look();
  });
}

/** Resolves at the next call of `subscribe`'s listener. @throws the signal's reason. */
export function next(subscribe: (listener: () => void) => () => void, signal: AbortSignal): Promise<void> {
  let asked = false;
  return until(
    () => {
      const called = asked;
      asked = true;
      return called;
    },
    (listener) => subscribe(listener),
    signal,
  );
}

/** Waits for the signal alone. */
export function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

export function isAbort(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'AbortError';
}
