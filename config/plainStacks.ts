/**
 * The SDK takes a stack trace for every promise it makes, and of every resource, whole, into the state. ts-node maps
 * each of them back to the sources: a third of an update's time; and the traces are a tenth of a state that is written
 * after every step. So traces are short and as the engine's Node gives them, unless somebody is looking for one
 * (PROX_OPS_SOURCE_MAPS=1).
 */
if (process.env.PROX_OPS_SOURCE_MAPS !== '1') {
  // Of a resource's trace the SDK leaves the first five out: they are its own. So none is stored.
  const frames = 5;
  Error.stackTraceLimit = frames;
  // eslint-disable-next-line @typescript-eslint/no-base-to-string -- V8's call sites write themselves out
  const line = (site: NodeJS.CallSite) => `    at ${String(site)}`;
  Error.prepareStackTrace = (error, callSites) => [String(error), ...callSites.slice(0, frames).map(line)].join('\n');
}
