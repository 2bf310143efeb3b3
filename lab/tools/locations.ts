import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * The lab's own folder in this checkout, where the Go modules and the launchers lie. Looked for upwards because this
 * file runs both as source (lab/tools) and compiled (lab/dist/tools).
 */
export function labRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'launchers', 'pulumi-language-nodejs'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new Error(`the lab's folder was expected above ${__dirname}; is this checkout complete?`);
    }
    folder = parent;
  }
  return folder;
}

/** The folder of programs that the engine starts by name; it must come first on the engine's PATH. */
export function launchersDirectory(): string {
  return join(labRoot(), 'launchers');
}

/**
 * Where built and downloaded things are kept between runs, outside the checkout so that `git clean` and a second
 * checkout cost no rebuild: PROX_OPS_CACHE, else prox-ops under XDG_CACHE_HOME, else ~/.cache/prox-ops.
 */
export function defaultCacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env['PROX_OPS_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'prox-ops');
}
