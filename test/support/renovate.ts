import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { REPOSITORY } from './stack-files';

export interface CustomManager {
  description: string;
  fileMatch: string[];
  matchStrings: string[];
}

export interface RenovateConfig {
  enabledManagers: string[];
  customManagers: CustomManager[];
  packageRules: Record<string, unknown>[];
}

/** renovate.json5. JSON5 is what a JavaScript literal looks like, so it needs no parser of its own. */
export function renovateConfig(): RenovateConfig {
  const text = readFileSync(join(REPOSITORY, 'renovate.json5'), 'utf8');
  // As JSON: what comes out of another context has prototypes of its own.
  return JSON.parse(JSON.stringify(runInNewContext(`(${text})`))) as RenovateConfig;
}
