import { createRequire } from 'node:module';

/** Loads a module when it is first needed: each one costs start-up time, and most runs of a plugin need few. */
export const load = createRequire(__filename);
