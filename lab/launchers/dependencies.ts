import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A package and the version that the lock file fixes. */
export interface Dependency {
  readonly name: string;
  readonly version: string;
}

interface LockFile {
  readonly packages?: Readonly<Record<string, { readonly version?: string }>>;
}

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * The packages that a program depends on, from the package-lock.json in its folder or above; only those that its
 * package.json names, unless `transitive`. @throws Error when there is no package-lock.json.
 */
export function programDependencies(programDirectory: string, transitive: boolean): Dependency[] {
  const folder = folderOfLock(programDirectory);
  const { packages = {} } = readJson<LockFile>(join(folder, 'package-lock.json'));
  const all = Object.entries(packages).flatMap(([path, { version }]) => {
    // 'node_modules/a/node_modules/@b/c' is the package @b/c; a workspace's own folder has no node_modules in its path.
    const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    return name !== undefined && version !== undefined ? [{ path, name, version }] : [];
  });
  if (transitive) {
    return all.map(({ name, version }) => ({ name, version }));
  }
  const { dependencies, devDependencies } = readJson<PackageFile>(join(folder, 'package.json'));
  const direct = { ...dependencies, ...devDependencies };
  return all
    .filter(({ path, name }) => path === `node_modules/${name}` && name in direct)
    .map(({ name, version }) => ({ name, version }));
}

function folderOfLock(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package-lock.json'))) {
      return folder;
    }
    if (folder === dirname(folder)) {
      throw new Error(`expected a package-lock.json in ${start} or above, found none; run "npm install" there first`);
    }
  }
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}
