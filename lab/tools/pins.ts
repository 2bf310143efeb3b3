import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { labRoot } from './locations';
import { parseVersion } from './version';

interface Pins {
  readonly tools: Readonly<Record<string, unknown>>;
  readonly images: Readonly<Record<string, unknown>>;
}

let cached: Pins | undefined;

/** versions.yaml of the checkout: the home of every version that somebody chose. */
function pins(): Pins {
  cached ??= parse(readFileSync(pinsFile(), 'utf8')) as Pins;
  return cached;
}

export function pinsFile(): string {
  return join(dirname(labRoot()), 'versions.yaml');
}

/** The pinned version of a program, with its `v`. @throws Error when there is none. */
export function pinnedTool(name: string): string {
  const found = pins().tools[name];
  if (typeof found === 'string' && found.startsWith('v') && parseVersion(found)) return found;
  throw new Error(`${pinsFile()}, tools.${name}: expected a version like v1.2.3, found ${JSON.stringify(found)}`);
}

/** The pinned image of a name. @throws Error when there is none. */
export function pinnedImage(name: string): string {
  const found = pins().images[name];
  if (typeof found === 'string' && found.includes(':')) return found;
  throw new Error(`${pinsFile()}, images.${name}: expected an image with its tag, found ${JSON.stringify(found)}`);
}
