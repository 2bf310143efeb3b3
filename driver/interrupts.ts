/**
 * Longest time between the signals of one press of Ctrl-C, in milliseconds: the terminal sends it to everybody it has
 * started, and npm, which got it as well, passes it on.
 */
const ONE_PRESS = 1_000;

export interface Interrupts {
  /** Aborted by the first of them. */
  signal: AbortSignal;
  close: () => void;
}

/**
 * Ctrl-C, a request to end, and the end of the terminal. The first of them is the wish to stop cleanly; another Ctrl-C, or
 * another request to end, the wish to stop now. A terminal that is closed may say so several times, and means it once.
 * @param again called for the wish to stop now.
 */
export function watchInterrupts(first: () => void, again: () => void): Interrupts {
  const controller = new AbortController();
  let last = 0;
  const asked = () => {
    if (!controller.signal.aborted) {
      first();
      controller.abort();
    } else if (Date.now() - last > ONE_PRESS) again();
    last = Date.now();
  };
  const hungUp = () => {
    if (!controller.signal.aborted) asked();
  };
  process.on('SIGINT', asked);
  process.on('SIGTERM', asked);
  process.on('SIGHUP', hungUp);
  const close = () => {
    process.off('SIGINT', asked);
    process.off('SIGTERM', asked);
    process.off('SIGHUP', hungUp);
  };
  return { signal: controller.signal, close };
}
