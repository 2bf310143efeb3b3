import { CacheSlot } from './cache';
import { type AnyToolName, catalog } from './catalog';
import { Downloader } from './download';
import { reason, ToolsError } from './errors';
import { findGo, goBuild, goIngredients, type GoInstallation, goProblem, requiredGo } from './go';
import { defaultCacheDirectory } from './locations';
import { withLock } from './lock';
import { findOnPath } from './probe';
import type { Source, Subject, ToolReporter } from './progress';
import type { Download, ToolSpec } from './spec';
import { isAtLeast } from './version';

export interface EnsureOptions {
  /** Where tools are kept; by default `defaultCacheDirectory()`. */
  readonly cacheDir?: string;
  /** Told of every step; nobody by default. */
  readonly progress?: ToolReporter;
  /** Stops the work: a running build is ended and the cache left as it was. */
  readonly signal?: AbortSignal;
  /** Whether a fitting program on PATH is taken; by default unless PROX_OPS_TOOLS_FROM_PATH=0. */
  readonly fromPath?: boolean;
  /** Whether official downloads are tried; by default unless PROX_OPS_TOOLS_DOWNLOAD=0. */
  readonly downloads?: boolean;
}

/**
 * Makes the lab's programs available and says where they are, as absolute paths. For each the first way that works is
 * taken: a fitting version on PATH, the cache, the official download, a Go build.
 *
 * @throws ToolsError when one cannot be had; everything that is missing is named in that one message.
 * @throws AbortError when `signal` is aborted.
 */
export async function ensureTools<N extends AnyToolName>(
  names: readonly N[],
  options: EnsureOptions = {},
): Promise<Record<N, string>> {
  const known = catalog();
  const unknown = names.filter((name) => !(name in known));
  if (unknown.length > 0) {
    throw new ToolsError(`expected tools among ${Object.keys(known).join(', ')}, found ${unknown.join(', ')}`);
  }
  const paths = await ensureSpecs(
    [...new Set(names)].map((name) => known[name]),
    options,
  );
  return Object.fromEntries(paths) as Record<N, string>;
}

/** `ensureTools` for any programs, not only the lab's. @returns path by name. */
export async function ensureSpecs(
  specs: readonly ToolSpec[],
  options: EnsureOptions = {},
): Promise<Map<string, string>> {
  const run = new ToolRun(specs, {
    cacheDir: options.cacheDir ?? defaultCacheDirectory(),
    progress: options.progress ?? (() => undefined),
    signal: options.signal,
    fromPath: options.fromPath ?? switchIsOn('PROX_OPS_TOOLS_FROM_PATH'),
    downloads: options.downloads ?? switchIsOn('PROX_OPS_TOOLS_DOWNLOAD'),
  });
  return run.resolve();
}

function switchIsOn(name: string): boolean {
  const value = process.env[name] ?? '';
  if (!['', '0', '1'].includes(value)) {
    throw new ToolsError(`${name}: expected 0 (off) or 1 (on), found "${value}"`);
  }
  return value !== '0';
}

interface Settings {
  readonly cacheDir: string;
  readonly progress: ToolReporter;
  readonly signal: AbortSignal | undefined;
  readonly fromPath: boolean;
  readonly downloads: boolean;
}

/** One call of ensureTools. */
class ToolRun {
  private readonly started = Date.now();
  private readonly downloader = new Downloader();
  private readonly paths = new Map<string, string>();
  private readonly noted = new Set<string>();
  private go: GoInstallation | undefined;

  constructor(
    private readonly specs: readonly ToolSpec[],
    private readonly settings: Settings,
  ) {}

  async resolve(): Promise<Map<string, string>> {
    await this.takeFromPath();
    if (this.missing().length > 0) {
      this.go = await findGo();
      this.takeFromCache();
    }
    if (this.missing().length > 0) {
      await this.downloadUnbuildable();
      for (const spec of this.missing()) {
        await this.obtain(spec);
      }
    }
    this.settings.progress({ kind: 'finished', total: this.specs.length, ms: Date.now() - this.started });
    return this.paths;
  }

  private missing(): ToolSpec[] {
    return this.specs.filter(({ name }) => !this.paths.has(name));
  }

  private async takeFromPath(): Promise<void> {
    if (!this.settings.fromPath) {
      return;
    }
    const found = await Promise.all(this.specs.map((spec) => findOnPath(spec)));
    for (const [index, spec] of this.specs.entries()) {
      const hit = found[index];
      if (hit) {
        this.ready({ ...spec, version: hit.version }, 'path', hit.path, 0);
      }
    }
  }

  private takeFromCache(): void {
    for (const spec of this.missing()) {
      const slot = [this.downloadSlot(spec), this.buildSlot(spec)].find((candidate) => candidate?.isComplete());
      if (slot) {
        this.ready(spec, 'cache', slot.program, 0);
      }
    }
  }

  /** What this machine's Go cannot build comes first, so that a missing Go shows before minutes of building, not after. */
  private async downloadUnbuildable(): Promise<void> {
    const lost: ToolSpec[] = [];
    for (const spec of this.missing().filter(({ recipe }) => goProblem(this.go, recipe) !== undefined)) {
      if (!(await this.tryDownload(spec))) {
        lost.push(spec);
        this.settings.progress({ kind: 'failed', ...this.subject(spec) });
      }
    }
    if (lost.length > 0) {
      throw new ToolsError(this.goMissing(lost));
    }
  }

  private goMissing(lost: readonly ToolSpec[]): string {
    const wanted = lost
      .map(({ recipe }) => requiredGo(recipe))
      .reduce((highest, next) => (isAtLeast(next, highest) ? next : highest));
    const tools = lost.map(({ name, version }) => `${name} ${version}`).join(', ');
    const found = this.go === undefined ? 'none' : this.go.version;
    return (
      `${tools}: not on PATH in a fitting version, not in the cache and not downloaded, so Go has to build them: ` +
      `expected Go >= ${wanted} on PATH, found ${found}. Install Go (https://go.dev/dl) or these programs, then run this again.`
    );
  }

  private async obtain(spec: ToolSpec): Promise<void> {
    try {
      if (!(await this.tryDownload(spec))) {
        await this.build(spec);
      }
    } catch (error) {
      this.settings.progress({ kind: 'failed', ...this.subject(spec) });
      throw this.explained(spec, error);
    }
  }

  /** What the file system refused, as what to do about it; anything else as it is. */
  private explained(spec: ToolSpec, error: unknown): unknown {
    const { cacheDir } = this.settings;
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOSPC':
        return new ToolsError(`${spec.name}: the disk of ${cacheDir} is full; free some room and run this again`);
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
      case 'ENOTDIR':
        return new ToolsError(
          `${spec.name}: the tools' cache ${cacheDir} cannot be written (${reason(error)}); set PROX_OPS_CACHE to a folder that can`,
        );
      default:
        return error;
    }
  }

  /** A download that fails is no failure: it is noted, and the next way is taken. */
  private async tryDownload(spec: ToolSpec): Promise<boolean> {
    const slot = this.downloadSlot(spec);
    const { download } = spec;
    if (!slot || !download) {
      return false;
    }
    try {
      await this.fill(spec, slot, 'download', (partial) => this.fetch(spec, download, partial));
      return true;
    } catch (error) {
      this.settings.signal?.throwIfAborted();
      this.noteOnce(spec, `no download: ${reason(error)}`);
      return false;
    }
  }

  private async fetch(spec: ToolSpec, source: Download, partial: string): Promise<void> {
    this.phase(spec, 'downloading', new URL(source.url).host);
    const onBytes = (received: number, total: number | undefined) => {
      const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
      this.phase(spec, 'downloading', megabytes(received) + (total === undefined ? '' : ` of ${megabytes(total)}`));
    };
    await this.downloader.fetch(source, partial, { onBytes, signal: this.settings.signal });
  }

  private async build(spec: ToolSpec): Promise<void> {
    const slot = this.buildSlot(spec);
    if (!slot) {
      throw new ToolsError(this.goMissing([spec]));
    }
    await this.fill(spec, slot, 'build', async (partial) => {
      this.phase(spec, 'building', 'Go');
      await goBuild(spec, partial, this.settings.signal);
    });
  }

  private async fill(
    spec: ToolSpec,
    slot: CacheSlot,
    source: Source,
    make: (partial: string) => Promise<void>,
  ): Promise<void> {
    const began = Date.now();
    const onWait = (pid: number) => this.phase(spec, 'waiting', `process ${pid} is making it`);
    await withLock(slot.lock, { onWait, signal: this.settings.signal }, async () => {
      if (slot.isComplete()) {
        this.ready(spec, 'cache', slot.program, Date.now() - began);
        return;
      }
      const partial = slot.prepare();
      await make(partial);
      await slot.finish(partial);
      this.ready(spec, source, slot.program, Date.now() - began);
    });
  }

  private downloadSlot(spec: ToolSpec): CacheSlot | undefined {
    if (!this.settings.downloads || !spec.download) {
      return undefined;
    }
    const { url, checksumUrl, archiveMember } = spec.download;
    return new CacheSlot(this.settings.cacheDir, spec, ['download', url, checksumUrl, archiveMember ?? '']);
  }

  private buildSlot(spec: ToolSpec): CacheSlot | undefined {
    return this.go && new CacheSlot(this.settings.cacheDir, spec, goIngredients(spec, this.go));
  }

  private ready(spec: ToolSpec, source: Source, path: string, ms: number): void {
    this.paths.set(spec.name, path);
    this.settings.progress({ kind: 'ready', source, path, ms, ...this.subject(spec) });
  }

  private phase(spec: ToolSpec, phase: 'waiting' | 'downloading' | 'building', detail: string): void {
    this.settings.progress({ kind: 'phase', phase, detail, ...this.subject(spec) });
  }

  private noteOnce(spec: ToolSpec, text: string): void {
    if (!this.noted.has(text)) {
      this.noted.add(text);
      this.settings.progress({ kind: 'note', text, ...this.subject(spec) });
    }
  }

  private subject({ name, version }: ToolSpec): Subject {
    const index = this.specs.findIndex((spec) => spec.name === name) + 1;
    return { index, total: this.specs.length, name, version };
  }
}
