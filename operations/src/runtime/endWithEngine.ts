/** Node has nothing that tells of another process' end, so it is looked for; milliseconds. */
const LOOK_EVERY = 2_000;

let watching = false;

/**
 * From now on this process ends when its engine is gone. The host of dynamic providers would stay for ever otherwise, and
 * worse: its pipes break with the engine, its handler of uncaught errors tells of that on the broken pipe, which is the
 * next uncaught error, and so on with a whole core and ever more memory. Secret files are removed on the way out.
 */
export function endWithEngine(alive: () => boolean): void {
  if (watching) return;
  watching = true;
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  setInterval(() => {
    if (!alive()) process.exit(1);
  }, LOOK_EVERY).unref();
}
