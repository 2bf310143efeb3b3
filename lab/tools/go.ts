import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDiskFull, lastLines, reason, ToolsError } from './errors';
import { run } from './process';
import type { GoRecipe, ToolSpec } from './spec';
import { isAtLeast } from './version';

/** What decides the outcome of a build besides its recipe. */
export interface GoInstallation {
  /** As Go names it: 'go1.26.8'. */
  readonly version: string;
  /** 'linux/amd64'. */
  readonly platform: string;
}

/** The Go on PATH; undefined when there is none that runs. */
export async function findGo(): Promise<GoInstallation | undefined> {
  try {
    const { code, stdout } = await run('go', ['env', 'GOVERSION', 'GOHOSTOS', 'GOHOSTARCH'], { env: goEnv() });
    const [version, os, arch] = stdout.trim().split('\n');
    return code === 0 && version && os && arch ? { version, platform: `${os}/${arch}` } : undefined;
  } catch {
    return undefined;
  }
}

/** The Go release that a module's go.mod asks for, such as '1.26.1'. */
export function requiredGo(recipe: GoRecipe): string {
  const file = join(recipe.moduleDir, 'go.mod');
  const version = /^go (\S+)$/m.exec(readFileSync(file, 'utf8'))?.[1];
  if (version === undefined) {
    throw new ToolsError(`${file}: expected a line "go VERSION", found none`);
  }
  return version;
}

/** Why this Go cannot build a recipe, as half a sentence; undefined when it can. */
export function goProblem(go: GoInstallation | undefined, recipe: GoRecipe): string | undefined {
  if (go === undefined) {
    return 'found no go on PATH';
  }
  // A development version ('devel go1.27-abc') is taken as it is.
  const release = /^go(\d\S*)/.exec(go.version)?.[1]?.replace(/(rc|beta)\d+$/, '');
  return release === undefined || isAtLeast(release, requiredGo(recipe)) ? undefined : `found ${go.version}`;
}

/** Everything that decides what a build gives. */
export function goIngredients(spec: ToolSpec, go: GoInstallation): string[] {
  const { moduleDir, packagePath } = spec.recipe;
  const files = ['go.mod', 'go.sum'].map((name) => readIfThere(join(moduleDir, name)));
  return ['go', ...files, packagePath, ...buildFlags(spec.recipe), go.version, go.platform];
}

/**
 * Builds a program into the file `output`.
 * @throws ToolsError with the last lines of the compiler's output, or saying that the disk is full.
 */
export async function goBuild(spec: ToolSpec, output: string, signal?: AbortSignal): Promise<void> {
  const { moduleDir, packagePath } = spec.recipe;
  const args = ['build', ...buildFlags(spec.recipe), '-o', output, packagePath];
  const { code, stderr } = await run('go', args, { cwd: moduleDir, env: goEnv(), signal }).catch((error: unknown) => {
    throw signal?.aborted ? error : new ToolsError(`${spec.name}: go could not be started: ${reason(error)}`);
  });
  if (code === 0) {
    return;
  }
  if (isDiskFull(stderr)) {
    throw new ToolsError(
      `${spec.name}: the disk became full while it was built. A first build of all tools needs about 8 GB in Go's ` +
        `caches (go env GOCACHE GOMODCACHE) and 1 GB in ${output}'s folder; free some room and run this again.`,
    );
  }
  throw new ToolsError(
    `${spec.name}: the build failed (go ${args.join(' ')}, in ${moduleDir}):\n${lastLines(stderr, 20)}`,
  );
}

function buildFlags({ ldflags }: GoRecipe): string[] {
  // -s -w leaves symbol tables out, which only a debugger wants: a third of the size.
  return ['-trimpath', '-mod=readonly', '-ldflags', `-s -w ${ldflags}`.trim()];
}

/**
 * Go's settings of this user (flags, workspace, cross compilation, cgo) would change the outcome, so they are fixed
 * here. GOTOOLCHAIN=local: Go must not fetch another Go. Proxy and cache settings stay the user's.
 */
function goEnv(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['GOOS'];
  delete env['GOARCH'];
  // An empty GOFLAGS would fall back to the one that `go env -w` wrote, hence a harmless flag.
  return { ...env, GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' };
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return '';
    }
    throw error;
  }
}
