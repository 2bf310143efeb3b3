/**
 * Turns any number of calls into as few runs of `work` as possible: one at a time, and one more after it when it was
 * called meanwhile. Work that looks at everything anew each time needs no more.
 */
export function coalesce(work: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let running = false;
  let again = false;
  const run = async (): Promise<void> => {
    do {
      again = false;
      await work().catch(onError);
    } while (again);
    running = false;
  };
  return () => {
    again = true;
    if (running) return;
    running = true;
    setImmediate(() => void run());
  };
}
