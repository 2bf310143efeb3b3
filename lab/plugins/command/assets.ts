import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SIGNATURE } from '../protocol/values.js';
import type { PropertyMap } from '../protocol/values.js';

const ASSET_SIGNATURE = 'c44067f5952c0a294b673a41bacd8c17';
const ARCHIVE_SIGNATURE = '0def7320c3a5731c473e5ecbe6d01bc7';

/** The files below a directory that match the patterns, as assets by their relative path; `!` takes matches out again. */
export async function findAssets(dir: string, patterns: string[]): Promise<PropertyMap> {
  const rules = patterns.map((pattern) => ({
    excludes: pattern.startsWith('!'),
    matches: globExpression(pattern.replace(/^!/, '')),
  }));
  const assets: PropertyMap = {};
  for (const path of await filesBelow(dir)) {
    const last = rules.findLast(({ matches }) => matches.test(path));
    if (last && !last.excludes) assets[path] = await asset(join(dir, path));
  }
  return assets;
}

export function toArchive(assets: PropertyMap): PropertyMap {
  return { [SIGNATURE]: ARCHIVE_SIGNATURE, assets };
}

async function asset(path: string): Promise<PropertyMap> {
  const hash = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { [SIGNATURE]: ASSET_SIGNATURE, hash, path };
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((path) => path.slice(join(dir, '/').length)).sort();
}

/** `*` and `?` stop at a slash, `**` does not; {a,b} and [a-z] are alternatives. */
function globExpression(pattern: string): RegExp {
  const translated = pattern.replace(/\*\*|[*?{},[\]]|[.+^$()|\\]/g, (token) => {
    const parts: Record<string, string> = { '**': '.*', '*': '[^/]*', '?': '[^/]', '{': '(?:', '}': ')', ',': '|' };
    return parts[token] ?? (token === '[' || token === ']' ? token : `\\${token}`);
  });
  return new RegExp(`^${translated}$`);
}
