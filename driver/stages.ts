import type { RunLog } from './runLog';

/** Runs a part of a run that is about the whole cluster, and tells when it began and how long it took. */
export async function stage<T>(log: RunLog, name: string, act: () => Promise<T>): Promise<T> {
  log.emit({ type: 'stage.started', stage: name });
  const began = Date.now();
  const result = await act();
  log.emit({ type: 'stage.finished', stage: name, ms: Date.now() - began });
  return result;
}
